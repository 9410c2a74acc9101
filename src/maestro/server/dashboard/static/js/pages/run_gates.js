// The gate ledger: every condition, what was measured, on which evidence, and what was waived.

import { getAll, post } from "../api.js";
import { count, digest, duration, scalar, sentence } from "../format.js";
import { html } from "../html.js";
import { ask, say } from "../parts/dialog.js";
import { Icon } from "../parts/icons.js";
import { Status } from "../parts/status.js";
import { Empty, Loaded, Scroll } from "../parts/ui.js";
import { useResource } from "../resource.js";
import { mayIn } from "../session.js";

/** Holds every product that nobody named: what is let pass in it would pass for all of them. */
const NAMELESS = "default";

const WORDS = { PASS: "Passed", FAIL: "Refused", ERROR: "Error", NOT_MEASURED: "Not measured", NOT_APPLICABLE: "Does not apply", WAIVED: "Waived" };
const SHOWN = { PASS: "succeeded", FAIL: "blocked", ERROR: "failed", NOT_MEASURED: "not_measured", NOT_APPLICABLE: "skipped", WAIVED: "waived" };
const STATE_WORDS = { succeeded: "Passed", blocked: "Blocked", waived: "Passed with a waiver" };
const FIRST = ["FAIL", "ERROR", "NOT_MEASURED", "WAIVED", "PASS", "NOT_APPLICABLE"];

export function GatesTab({ store, run }) {
  const gates = useResource(() => getAll(`/runs/${run.id}/gates`), [run.id], store.version.value);
  return html`<${Loaded} from=${gates} lines=${8}>${(items) => items.length === 0
    ? html`<${Empty} title="No gate has been judged yet">A gate closes each phase: it is judged when the phase's work is done.<//>`
    : html`<section class="card flush ledger" aria-label="Gates">${[...items].sort((a, b) => refused(b) - refused(a)).map((item) => html`<${Phase} key=${`${item.step_id} ${item.stage}`} item=${item} run=${run} />`)}</section>`}<//>`;
}

/** What was refused stands first; all else keeps the order of the plan. */
function refused(item) {
  return Number(item.verdict !== null && !item.verdict.passed);
}

function stateOf(item) {
  if (!item.verdict.passed) return "blocked";
  return item.verdict.results.some((result) => result.verdict === "WAIVED") ? "waived" : "succeeded";
}

function Phase({ item, run }) {
  const { verdict } = item;
  if (!verdict) {
    return html`<div class="gate gate-waiting"><h2>${item.title}</h2><span class="push"><${Status} status=${item.status} /></span></div>`;
  }
  const results = [...verdict.results].sort((a, b) => FIRST.indexOf(a.verdict) - FIRST.indexOf(b.verdict));
  const others = verdict.reasons.filter((reason) => !results.some((one) => reason.includes(one.reason)));
  const judged = results.filter((one) => one.verdict !== "NOT_APPLICABLE").length;
  const passed = results.filter((one) => one.verdict === "PASS").length;
  return html`<details class="fold gate" open=${!verdict.passed}>
    <summary><h2>${sentence(verdict.phase)}${item.stage === "entry" ? `, entry (${item.title})` : ""}</h2>
      <span class="note num">${passed} of ${count(judged, "condition")} passed</span>
      <span class="push"><${Status} status=${stateOf(item)} word=${STATE_WORDS[stateOf(item)]} /></span></summary>
    <div class="stack">
      ${others.length > 0 && html`<ul class="bullets reason tone-blocked">${others.map((reason) => html`<li key=${reason}>${reason}</li>`)}</ul>`}
      <${Scroll} label=${`Conditions of ${verdict.phase}`}><table class="inner cards"><thead><tr><th>Gate</th><th>Verdict</th><th>Condition</th><th>Measured</th><th /></tr></thead>
        <tbody>${results.map((result) => html`<${Result} key=${result.gate} result=${result} run=${run} verdict=${verdict} />`)}</tbody></table><//>
      ${verdict.artefacts.length > 0 && html`<${Artefacts} rules=${verdict.artefacts} />`}
      <${EvidenceList} evidence=${item.evidence} />
      <p class="note">Judged by policy <code>${digest(verdict.policy)}</code> for ${verdict.environment}.</p>
    </div>
  </details>`;
}

function Result({ result, run, verdict }) {
  const observed = Object.entries(result.observed);
  const refused = ["FAIL", "NOT_MEASURED"].includes(result.verdict);
  return html`<tr>
    <td class="nowrap"><code>${result.gate}</code>${result.severity === "WARNING" && html`<div class="note">warning only</div>`}</td>
    <td class="nowrap"><${Status} status=${SHOWN[result.verdict]} word=${WORDS[result.verdict]} quiet /></td>
    <td class="wide"><p>${result.reason}</p><code class="note break">${result.condition}</code>
      ${result.waiver && html`<p class="waived"><${Icon} name="awaiting" size=${13} /> Waived by ${result.waiver.approver} until ${result.waiver.expires}: ${result.waiver.reason} (${result.waiver.adr})</p>`}</td>
    <td class="wide measured">${observed.length === 0 ? html`<span class="faint">nothing</span>` : html`<dl class="observed">${observed.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd class="num">${scalar(value)}</dd></div>`)}</dl>`}</td>
    <td class="right">${refused && mayIn("waiver:request", run.project) && (run.project === NAMELESS
      ? html`<span class="note">Waived only in a project with a name of its own</span>`
      : html`<button class="button small" onClick=${() => askWaiver(result, run, verdict)}>Ask for a waiver</button>`)}</td>
  </tr>`;
}

function askWaiver(result, run, verdict) {
  const fortnight = new Date(Date.now() + 14 * 86_400_000).toISOString().slice(0, 10);
  ask({
    title: `Ask for a waiver of ${result.gate}`,
    text: `${result.reason}. It counts once somebody else has approved it; then resume the run.`,
    confirm: "Ask",
    fields: [
      { name: "ceiling", label: "Up to where it may be let pass", required: true, value: "", placeholder: `e.g. ${result.condition}`, hint: "A condition over the gate's own metrics that must hold all the same." },
      { name: "reason", label: "Reason", type: "textarea", required: true },
      { name: "adr", label: "Decision record", required: true, placeholder: "ADR-0012" },
      { name: "expires", label: "Last day", type: "date", required: true, value: fortnight },
    ],
    act: async (answers) => {
      await post("/waivers", { project: run.project, gate: result.gate, ceiling: answers.ceiling, reason: answers.reason, adr: answers.adr, expires: answers.expires }, { start: true });
      say(`Asked; somebody else decides under Policy (${verdict.environment})`);
    },
  });
}

function Artefacts({ rules }) {
  return html`<section><h3 class="section-title">Required artefacts</h3><ul class="checks">${rules.map((rule) => html`<li key=${rule.path}>
    <${Status} status=${SHOWN[rule.verdict]} word=${WORDS[rule.verdict]} quiet /><span class="break"><code>${rule.path}</code> <span class="note">${rule.schema}, ${count(rule.found.length, "file")}${rule.reason ? `: ${rule.reason}` : ""}</span></span></li>`)}</ul></section>`;
}

function EvidenceList({ evidence }) {
  if (evidence.length === 0) return null;
  return html`<details class="fold"><summary><h3>Evidence <span class="faint num">${evidence.length}</span></h3></summary>
    <${Scroll} label="Evidence"><table class="inner"><thead><tr><th>Collector</th><th>State</th><th>Tool</th><th class="right">Files</th><th class="right">Took</th><th>Sandbox</th><th>Digest</th></tr></thead>
    <tbody>${evidence.map((one, at) => html`<tr key=${at}><td>${one.collector}${one.detail.length > 0 && html`<ul class="bullets note">${one.detail.slice(0, 5).map((line) => html`<li key=${line}>${line}</li>`)}</ul>`}
        ${one.tool_errors.map((line) => html`<p class="note" key=${line}>${line}</p>`)}</td>
      <td><${Status} status=${{ measured: "succeeded", failed: "failed", unavailable: "not_measured" }[one.status]} word=${sentence(one.status)} quiet /></td>
      <td>${one.tool} ${one.version}</td><td class="right">${one.files_examined}</td><td class="right nowrap">${duration(one.duration_seconds)}</td>
      <td>${one.sandbox || "–"}</td><td><code>${one.raw_digest ? digest(one.raw_digest) : "–"}</code></td></tr>`)}</tbody></table><//></details>`;
}
