// What there is to work with: team shapes, experts, and every contract that was ever agreed.

import { get, getAll } from "../api.js";
import { count, digest, moment, sentence, words } from "../format.js";
import { html } from "../html.js";
import { Status } from "../parts/status.js";
import { Card, Empty, Fact, Loaded, PageHead, Scroll, Search, Tabs } from "../parts/ui.js";
import { useResource } from "../resource.js";
import { amend, go, href, isIdentifier, route } from "../router.js";

const TABS = [{ id: "blueprints", title: "Blueprints" }, { id: "personas", title: "Personas" }, { id: "templates", title: "Templates" }, { id: "contracts", title: "Contracts" }];

export function CataloguePage({ parts }) {
  const tab = TABS.some((one) => one.id === parts[0]) ? parts[0] : "blueprints";
  const { q = "", id = "" } = route.value.query;
  const Shown = { blueprints: Blueprints, personas: Personas, templates: Templates, contracts: Contracts }[tab];
  return html`<${PageHead} title="Catalogue" lead="Team shapes, experts, what the offline team works from, and the contracts that were agreed." />
    <${Tabs} tabs=${TABS} current=${tab} label="Catalogue" onChoose=${(name) => go(["catalogue", name])} />
    <div role="tabpanel" id="tab-panel" aria-labelledby=${`tab-${tab}`} class="stack">
      <div class="row"><${Search} label=${`Search ${tab}`} value=${q} onSearch=${(text) => amend({ q: text, id: "" })} /></div>
      <${Shown} q=${q} id=${id} />
    </div>`;
}

function Nothing({ q, what }) {
  return html`<${Card}><${Empty} title=${q ? `No ${what} matches “${q}”` : `No ${what} yet`} /><//>`;
}

function Blueprints({ q }) {
  const found = useResource(() => getAll("/blueprints", { q }), [q]);
  return html`<${Loaded} from=${found} lines=${6}>${(items) => items.length === 0 ? html`<${Nothing} q=${q} what="blueprint" />` : html`<div class="grid">${items.map((one) => html`<article class="card" key=${one.id}>
    <div class="row spread"><h2>${one.name}</h2><span class="tag">${words(one.family)}</span></div>
    <p class="muted gap-small">${one.summary}</p>
    <dl class="facts small gap-small"><${Fact} name="Coordination">${sentence(one.coordination)}<//><${Fact} name="Builders">${one.parallel ? "Side by side" : "One after the other"}<//><${Fact} name="Scaling">${sentence(one.scaling)}<//></dl>
    <details class="fold gap-small"><summary><span class="note">${count(one.roles.length, "role")}</span></summary><ul class="bullets note">${one.roles.map((role) => html`<li key=${role.name}>${sentence(role.name)}, played by ${words(role.persona)}${role.required ? "" : ", when needed"}</li>`)}</ul></details>
    <code class="note">${one.id}</code></article>`)}</div>`}<//>`;
}

function Personas({ q }) {
  const found = useResource(() => getAll("/personas", { q }), [q]);
  return html`<${Loaded} from=${found} lines=${6}>${(items) => items.length === 0 ? html`<${Nothing} q=${q} what="persona" />` : html`<div class="grid">${items.map((one) => html`<article class="card" key=${one.id}>
    <div class="row spread"><h2>${one.name}</h2><span class="tag">${words(one.phase)}</span></div>
    <p class="muted gap-small">${one.summary}</p>
    <p class="tags gap-small">${one.expertise.map((name) => html`<span class="tag" key=${name}>${words(name)}</span>`)}</p>
    ${one.provides.length > 0 && html`<p class="note gap-small">Delivers ${one.provides.map(words).join(", ")}</p>`}
    <code class="note">${one.id}</code></article>`)}</div>`}<//>`;
}

function Templates({ q }) {
  const found = useResource(() => getAll("/templates", { q }), [q]);
  return html`<${Loaded} from=${found} lines=${6}>${(items) => items.length === 0 ? html`<${Nothing} q=${q} what="template" />` : html`<div class="grid">${items.map((one) => html`<article class="card" key=${one.id}>
    <div class="row spread"><h2>${one.name}</h2><span class="tag">${words(one.persona)}</span></div>
    <p class="muted gap-small">${one.summary}</p>
    ${one.languages.length + one.frameworks.length > 0 && html`<p class="tags gap-small">${[...one.languages, ...one.frameworks].map((name) => html`<span class="tag" key=${name}>${name}</span>`)}</p>`}
    <p class="note gap-small">Delivers ${one.provides.map(words).join(", ")}${one.origin === "foreign" ? ", for an API document that somebody brought" : one.origin === "designed" ? ", for contracts designed here" : ""}</p>
    ${one.checks.length > 0 && html`<details class="fold gap-small"><summary><span class="note">Runs ${count(one.checks.length, "check")} on what it made</span></summary><ul class="bullets note">${one.checks.map((check) => html`<li key=${check.id}>${check.statement}</li>`)}</ul></details>`}
    <code class="note">${one.id}</code></article>`)}</div>`}<//>`;
}

const MOST = 400;

function Contracts({ q, id }) {
  const found = useResource(() => getAll("/contracts", { q }, MOST), [q]);
  return html`${isIdentifier(id) && html`<${ContractDetail} id=${id} version=${route.value.query.version ?? ""} run=${route.value.query.run ?? ""} />`}
    <${Loaded} from=${found} lines=${6}>${(items) => items.length === 0 ? html`<${Nothing} q=${q} what="contract" />` : html`${items.length >= MOST && html`<p class="note">The last ${MOST} contracts; search for earlier ones.</p>`}<section class="card flush"><${Scroll} label="Contracts"><table class="cards"><thead><tr><th>Contract</th><th>Status</th><th>Provider</th><th>Run</th><th class="right">Since</th></tr></thead>
      <tbody>${items.map((one) => html`<tr key=${`${one.id} ${one.version} ${one.run}`}>
        <td class="wide"><button class="plain" onClick=${() => amend({ id: one.id, version: one.version, run: one.run })}>${one.name}</button><div class="note"><code>${one.id}</code> ${one.version} · ${words(one.kind)}</div></td>
        <td><${Status} status=${one.status} quiet />${one.reason && html`<p class="note">${one.reason}</p>`}</td><td>${sentence(one.provider)}</td>
        <td>${one.run ? html`<a href=${href(["runs", one.run, "contracts"], { contract: one.id })}><code>${one.run}</code></a>` : html`<span class="faint">none</span>`}</td>
        <td class="right nowrap note">${moment(one.at)}</td></tr>`)}</tbody></table><//></section>`}<//>`;
}

function ContractDetail({ id, version, run }) {
  const found = useResource(() => get(`/contracts/${id}`, { version, run }), [id, version, run]);
  return html`<${Card} title=${`Contract ${id}`} actions=${html`<div class="actions"><button class="button small" onClick=${() => amend({ id: "", version: "", run: "" })}>Close</button></div>`}>
    <${Loaded} from=${found} lines=${5}>${(one) => html`<div class="stack">
      <dl class="facts small"><${Fact} name="Version">${one.version}<//><${Fact} name="Status"><${Status} status=${one.status} quiet /><//><${Fact} name="Provider">${sentence(one.provider)}<//>${one.digest && html`<${Fact} name="Digest"><code>${digest(one.digest)}</code><//>`}</dl>
      ${one.acceptance.length > 0 && html`<details class="fold"><summary><h3>Acceptance criteria <span class="faint num">${one.acceptance.length}</span></h3></summary><ul class="bullets">${one.acceptance.map((criterion) => html`<li key=${criterion.id}>${criterion.statement}${criterion.check === null && html`<span class="note"> (no check for it)</span>`}</li>`)}</ul></details>`}
      <details class="fold" open><summary><h3>Specification</h3></summary><${Scroll} label="Specification"><pre class="code">${JSON.stringify(one.specification, null, 2)}</pre><//></details>
    </div>`}<//><//>`;
}
