// From each part of the requirement to the checks that ran for it, and to who made it.

import { get } from "../api.js";
import { count, sentence } from "../format.js";
import { html, useState } from "../html.js";
import { Status } from "../parts/status.js";
import { Bar, Choice, Empty, Loaded, Scroll } from "../parts/ui.js";
import { useResource } from "../resource.js";
import { href } from "../router.js";

const WORDS = { verified: "Verified", failed: "Failed", unverified: "Built, not checked", not_built: "Not built" };
const TONES = { verified: "succeeded", failed: "failed", unverified: "waiting", not_built: "blocked" };

export function TraceTab({ store, run }) {
  const outcome = useResource(() => get(`/runs/${run.id}/outcome`), [run.id], store.version.value);
  const plan = useResource(() => get(`/runs/${run.id}/plan`), [run.id]);
  const [only, setOnly] = useState("all");
  return html`<${Loaded} from=${outcome} lines=${8}>${({ outcome: told }) => {
    if (told.trace.length === 0) return html`<${Empty} title="Nothing to trace yet">The parts of the requirement are known once it has been analysed.<//>`;
    const by = Object.groupBy ? Object.groupBy(told.trace, (part) => part.status) : grouped(told.trace);
    const shown = only === "all" ? told.trace : told.trace.filter((part) => part.status === only);
    const present = Object.keys(WORDS).filter((status) => by[status]);
    const providers = new Map((plan.data?.plan?.contracts ?? []).map((contract) => [contract.id, contract.provider]));
    return html`<div class="row spread">
        <div class="trace-sum"><p class="num">${count(told.trace.length, "part")} of the requirement: ${present.map((status) => `${by[status].length} ${WORDS[status].toLowerCase()}`).join(", ")}</p>
          <${Bar} label="Parts by status" parts=${present.map((status) => ({ tone: TONES[status], value: by[status].length }))} /></div>
        ${present.length > 1 && html`<${Choice} label="Parts" value=${only} onChoose=${setOnly} options=${[["all", "All"], ...present.map((status) => [status, WORDS[status]])]} />`}
      </div>
      <section class="card flush"><${Scroll} label="Traceability"><table class="cards"><thead><tr><th>Part</th><th>Asked for</th><th>Status</th><th>Shown by</th></tr></thead>
        <tbody>${shown.map((part) => html`<tr key=${part.part}><td class="num"><code>${part.part}</code></td>
          <td class="wide">${part.text.charAt(0).toUpperCase() + part.text.slice(1)}${part.reason && html`<p class="note">${part.reason}</p>`}</td>
          <td class="nowrap"><${Status} status=${TONES[part.status]} word=${WORDS[part.status]} quiet /></td>
          <td class="wide"><${ShownBy} run=${run} checks=${part.checks} providers=${providers} /></td></tr>`)}</tbody></table><//></section>
      ${told.not_built.length > 0 && html`<section class="card"><header class="card-head"><h2>Not built</h2></header><ul class="bullets">${told.not_built.map((one, at) => html`<li key=${at}>${one.what}<span class="note"> ${one.reason}</span></li>`)}</ul></section>`}`;
  }}<//>`;
}

function grouped(parts) {
  const by = {};
  for (const part of parts) (by[part.status] ??= []).push(part);
  return by;
}

/** Checks by the contract they belong to: `<contract>.<check>`. */
function ShownBy({ run, checks, providers }) {
  if (checks.length === 0) return html`<span class="faint">no check ran</span>`;
  const contracts = new Map();
  for (const check of checks) {
    const contract = [...providers.keys()].find((id) => check.startsWith(`${id}.`)) ?? "";
    contracts.set(contract, [...(contracts.get(contract) ?? []), check]);
  }
  return html`<ul class="shown-by">${[...contracts].map(([contract, list]) => html`<li key=${contract}>
    <details class="fold"><summary><span>${contract ? html`<code>${contract}</code>` : "Other"} <span class="note num">${count(list.length, "check")}</span></span></summary>
      <ul class="bullets note">${list.map((check) => html`<li key=${check}><code>${check}</code></li>`)}</ul>
      ${contract && html`<p class="note"><a href=${href(["runs", run.id, "contracts"], { contract })}>Contract</a> · <a href=${href(["runs", run.id, "artefacts"], { persona: providers.get(contract) })}>artefacts of the ${sentence(providers.get(contract)).toLowerCase()}</a></p>`}
    </details></li>`)}</ul>`;
}
