// What gates demand, environment by environment, and the waivers that let something pass.

import { get, getAll, post } from "../api.js";
import { count, digest, moment, sentence } from "../format.js";
import { html } from "../html.js";
import { ask, say } from "../parts/dialog.js";
import { Status } from "../parts/status.js";
import { Card, Empty, Fact, Loaded, PageHead, Scroll, Tabs } from "../parts/ui.js";
import { useResource } from "../resource.js";
import { go } from "../router.js";
import { may, projectsWith } from "../session.js";

const TABS = [{ id: "development", title: "Development" }, { id: "staging", title: "Staging" }, { id: "production", title: "Production" }, { id: "waivers", title: "Waivers" }];

export function PolicyPage({ parts }) {
  const tab = TABS.some((one) => one.id === parts[0]) ? parts[0] : "development";
  return html`<${PageHead} title="Policy" lead="What every phase must show before the next may build on it. Each environment tightens the one before." />
    <${Tabs} tabs=${TABS} current=${tab} label="Policy" onChoose=${(name) => go(["policy", name])} />
    <div role="tabpanel" id="tab-panel" aria-labelledby=${`tab-${tab}`} class="stack">${tab === "waivers" ? html`<${Waivers} />` : html`<${Environment} key=${tab} name=${tab} />`}</div>`;
}

function Environment({ name }) {
  const policy = useResource(() => get(`/policies/${name}`), [name]);
  return html`<${Loaded} from=${policy} lines=${8}>${(told) => html`
    <dl class="facts"><${Fact} name="Policy">${told.id} <small>version ${told.version}</small><//><${Fact} name="Gates">${told.gates}<small>, ${told.blocking} blocking</small><//><${Fact} name="Least judged per phase">${told.min_blocking_evaluated}<//><${Fact} name="Digest"><code>${digest(told.digest)}</code><//></dl>
    <section class="card flush ledger" aria-label="Phases">${told.phases.map((phase) => html`<${Phase} key=${phase.phase} phase=${phase} />`)}</section>`}<//>`;
}

function Phase({ phase }) {
  const gates = [...phase.entry.map((gate) => ({ ...gate, stage: "entry" })), ...phase.exit];
  return html`<details class="fold gate"><summary><h2>${sentence(phase.phase)}</h2><span class="note num">${count(gates.length, "gate")}${phase.artefacts.length ? `, ${count(phase.artefacts.length, "required artefact")}` : ""}</span></summary>
    <div class="stack"><${Scroll} label=${`Gates of ${phase.phase}`}><table class="inner cards"><thead><tr><th>Gate</th><th>Demands</th><th>Condition</th><th>Severity</th></tr></thead>
      <tbody>${gates.map((gate) => html`<tr key=${gate.id + gate.stage}><td><code>${gate.id}</code>${gate.stage === "entry" && html`<div class="note">before work starts</div>`}</td><td class="wide">${gate.summary}</td><td class="wide"><code class="break">${gate.condition}</code>${gate.when && html`<div class="note">only when <code>${gate.when}</code></div>`}</td><td class="nowrap">${gate.severity === "BLOCKING" ? "blocks" : "warns"}${!gate.waivable && html`<div class="note">not waivable</div>`}</td></tr>`)}</tbody></table><//>
    ${phase.artefacts.length > 0 && html`<div><h3 class="section-title">Required artefacts</h3><ul class="bullets">${phase.artefacts.map((rule) => html`<li key=${rule.path}><code>${rule.path}</code> <span class="note">${rule.schema}, at least ${rule.min}${rule.when ? `, when ${rule.when}` : ""}</span></li>`)}</ul></div>`}</div>
  </details>`;
}

const DECISIONS = { requested: ["approve", "refuse"], approved: ["revoke"] };
const WORDS = { approve: "Approve", refuse: "Refuse", revoke: "Revoke" };

/** The server tells them project by project: of every one that this person may look into. */
async function everyWaiver() {
  const projects = await projectsWith("run:read");
  const found = await Promise.all(projects.map((project) => getAll("/waivers", { project })));
  return found.flat().sort((a, b) => b.requested_at.localeCompare(a.requested_at));
}

function Waivers() {
  const waivers = useResource(everyWaiver, []);
  const decide = (waiver, verb) => ask({
    title: `${WORDS[verb]} the waiver of ${waiver.gate}?`,
    text: `${waiver.author} asks: ${waiver.reason} (${waiver.adr}, up to ${waiver.ceiling}, until ${waiver.expires})`,
    confirm: WORDS[verb],
    danger: verb !== "approve",
    reason: verb === "approve" ? "optional" : "required",
    act: async ({ comment = "" }) => {
      await post(`/waivers/${waiver.id}/${verb}`, { comment: comment.trim() }, { match: waiver.etag });
      say("Decided");
      await waivers.reload();
    },
  });
  return html`<${Loaded} from=${waivers}>${(items) => items.length === 0
    ? html`<${Card}><${Empty} title="No waivers">One is asked for at a refused gate of a run; somebody else decides here.<//><//>`
    : html`<section class="card flush"><${Scroll} label="Waivers"><table class="cards"><thead><tr><th>Gate</th><th>Status</th><th>Reason</th><th>Until</th><th /></tr></thead>
      <tbody>${items.map((one) => html`<tr key=${one.id}><td><code>${one.gate}</code><div class="note">${one.project}</div></td><td><${Status} status=${one.status} quiet /></td>
        <td class="wide"><p>${one.reason}</p><p class="note">by ${one.author}, ${moment(one.requested_at)} · ${one.adr} · up to <code>${one.ceiling}</code>${one.approver ? ` · decided by ${one.approver}` : ""}${one.comment ? `: ${one.comment}` : ""}</p></td>
        <td class="nowrap">${one.expires}</td>
        <td class="right"><div class="actions end">${may("waiver:decide") && (DECISIONS[one.status] ?? []).map((verb) => html`<button key=${verb} class=${`button small${verb === "approve" ? " primary" : ""}`} onClick=${() => decide(one, verb)}>${WORDS[verb]}</button>`)}</div></td></tr>`)}</tbody></table><//></section>`}<//>`;
}
