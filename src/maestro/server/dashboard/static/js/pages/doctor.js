// What this machine can run and measure, and how to get what is missing.

import { get } from "../api.js";
import { count, moment, sentence, words } from "../format.js";
import { html } from "../html.js";
import { Status } from "../parts/status.js";
import { Card, Fact, Loaded, Scroll } from "../parts/ui.js";
import { useResource } from "../resource.js";

export function DoctorTab() {
  const doctor = useResource(() => get("/system/doctor"), []);
  return html`<${Loaded} from=${doctor} lines=${10}>${(told) => html`<${Checks} told=${told} again=${doctor.reload} busy=${doctor.loading} /><${Sandbox} told=${told.sandbox} /><${Metrics} metrics=${told.metrics} />`}<//>`;
}

const state = (ok) => (ok === null ? "idle" : ok ? "succeeded" : "failed");
const WORD = new Map([[true, "Works"], [false, "Fails"], [null, "Not here"]]);

function Checks({ told, again, busy }) {
  return html`<${Card} title="Checks" note=${`looked at ${moment(told.checked_at)}`} actions=${html`<div class="actions"><button class="button small" disabled=${busy} onClick=${again}>${busy ? "Looking" : "Look again"}</button></div>`}>
    <ul class="checks health">${told.checks.map((check) => html`<li key=${check.name}><${Status} status=${state(check.ok)} word=${WORD.get(check.ok)} quiet />
      <span><b>${sentence(check.name)}</b> <span class="note break">${check.detail}</span>${check.ok !== true && check.fix && html`<p class="note break">${check.ok === false ? "To mend it: " : "To have it: "}${check.fix}</p>`}</span></li>`)}</ul><//>`;
}

function Sandbox({ told }) {
  const capabilities = Object.entries(told.capabilities ?? {});
  return html`<${Card} title="Sandbox" note=${told.problem || undefined}>
    <dl class="facts"><${Fact} name="Level">${told.level ?? "none"}<//><${Fact} name="Mechanism">${told.mechanism ?? "none"}<//></dl>
    ${capabilities.length > 0 && html`<ul class="checks capabilities gap-top">${capabilities.map(([name, ok]) => html`<li key=${name}><${Status} status=${ok ? "succeeded" : told.required.includes(name) ? "failed" : "idle"} word=${words(name)} quiet />${told.required.includes(name) && html`<span class="note">required</span>`}</li>`)}</ul>`}<//>`;
}

function Metrics({ metrics }) {
  const missing = metrics.filter((one) => !one.ok);
  const sorted = [...missing, ...metrics.filter((one) => one.ok)];
  return html`<${Card} title="What can be measured" class="flush" note=${missing.length === 0 ? `all ${metrics.length} metrics` : `${count(missing.length, "metric")} of ${metrics.length} cannot be measured here; a gate that needs one blocks`}>
    <${Scroll} label="Metrics" class="tall"><table class="cards"><thead><tr><th>Metric</th><th>Here</th><th>Measured by</th></tr></thead>
    <tbody>${sorted.map((one) => html`<tr key=${one.metric}><td class="wide"><code>${one.metric}</code></td><td class="nowrap"><${Status} status=${one.ok ? "succeeded" : "blocked"} word=${one.ok ? "Yes" : "No"} quiet /></td>
      <td class="wide">${one.tool || one.producer}${one.problem && html`<p class="note break">${one.problem}</p>`}${!one.ok && one.fix && html`<p class="note break">To have it: ${one.fix}</p>`}</td></tr>`)}</tbody></table><//><//>`;
}
