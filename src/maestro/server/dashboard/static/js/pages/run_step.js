// Everything about one step: why it ended so, its attempts, what was said, what it put out.

import { get } from "../api.js";
import { clock, count, duration, json, secondsBetween, sentence } from "../format.js";
import { html, useEffect, useState } from "../html.js";
import { Icon } from "../parts/icons.js";
import { Status, tone } from "../parts/status.js";
import { Choice, Fact, Loaded, Scroll } from "../parts/ui.js";
import { useResource } from "../resource.js";
import { href } from "../router.js";
import { now } from "../session.js";
import { Comparison } from "./run_artefacts.js";
import { LogLines } from "./run_log.js";
import { StepButtons } from "./steering.js";

export function StepPanel({ store, run, step, onClose, onSelect }) {
  const detail = useResource(() => get(`/runs/${run.id}/steps/${step.id}`), [run.id, step.id], `${step.etag} ${step.status} ${step.attempt}`);
  useEffect(() => {
    const leave = (event) => {
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) onClose();
    };
    addEventListener("keydown", leave);
    return () => removeEventListener("keydown", leave);
  }, []);
  const seconds = step.started_at ? secondsBetween(step.started_at, step.ended_at, now.value) : null;
  return html`<aside class="panel" aria-label=${`Step ${step.title}`}>
    <header class="panel-head">
      <div><h2>${step.title}</h2><code class="note">${step.id}</code></div>
      <button class="button icon-only" onClick=${onClose}><${Icon} name="close" size=${14} label="Close the step" /></button>
    </header>
    <div class="row"><${Status} status=${step.status} />
      ${step.attempt > 1 && html`<span class="note num">attempt ${step.attempt}</span>`}
      ${seconds !== null && html`<span class="note num">${duration(seconds)}</span>`}
      ${step.status === "waiting" && step.retry_at && html`<span class="note num">next attempt at ${clock(step.retry_at)}</span>`}
      ${step.status === "awaiting" && step.retry_at && html`<span class="note num">expires at ${clock(step.retry_at)}</span>`}</div>
    ${step.allowed.length > 0 && html`<div class="actions"><${StepButtons} store=${store} run=${run} step=${step} /></div>`}
    ${step.error && html`<${ErrorBox} error=${step.error} status=${step.status} />`}
    <dl class="facts small">
      ${step.persona && html`<${Fact} name="Persona">${sentence(step.persona)}<//>`}
      ${step.phase && html`<${Fact} name="Phase">${sentence(step.phase)}<//>`}
      <${Fact} name="Does">${step.action ? html`<code>${step.action}</code>` : step.kind}<//>
    </dl>
    ${step.needs.length > 0 && html`<${Needs} step=${step} run=${run} onSelect=${onSelect} />`}
    ${step.when && html`<p class="note">Only when <code>${step.when}</code></p>`}
    <${Loaded} from=${detail} lines=${3}>${(told) => html`
      ${told.attempts.length > 1 && html`<${Attempts} run=${run} step=${step} attempts=${told.attempts} />`}
      <${StepLog} store=${store} run=${run} step=${step} attempts=${told.attempts} />
      <${Value} title="Output" value=${told.output} />
      <${Value} title="Inputs" value=${told.inputs} />`}<//>
  </aside>`;
}

export function ErrorBox({ error, status }) {
  return html`<div class=${`reason tone-${tone(status === "blocked" ? "blocked" : "failed")}`}>
    <p class="break">${error.message}</p>
    ${error.reasons.length > 0 && html`<ul class="bullets">${error.reasons.map((reason, at) => html`<li key=${at}>${reason}</li>`)}</ul>`}
    <code class="note">${error.code}</code>
  </div>`;
}

const FEW = 4;

function Needs({ step, run, onSelect }) {
  const [open, setOpen] = useState(false);
  const titles = new Map(run.step_list.map((one) => [one.id, one.title]));
  const shown = open ? step.needs : step.needs.slice(0, FEW);
  const more = step.needs.length - shown.length;
  return html`<p class="note">After ${shown.map((need, at) => html`<span key=${need}>${at > 0 && ", "}<button class="plain" onClick=${() => onSelect(need)}>${titles.get(need) ?? need}</button></span>`)}
    ${more > 0 && html` and <button class="plain" onClick=${() => setOpen(true)}>${more} more</button>`}</p>`;
}

function Attempts({ run, step, attempts }) {
  const [compared, setCompared] = useState(false);
  const delivered = attempts.filter((one) => one.status === "succeeded").map((one) => one.attempt);
  return html`<section class="stack-small"><h3>Attempts</h3>
    <ol class="attempts">${attempts.map((one) => html`<li key=${one.attempt}>
      <div class="row"><span class="num">${one.attempt}</span><${Status} status=${one.status} quiet />
        <span class="note num">${clock(one.started_at)}${one.ended_at ? ` · ${duration(secondsBetween(one.started_at, one.ended_at, 0))}` : ""}</span></div>
      ${one.error && html`<p class="note break">${one.error.message}</p>`}
    </li>`)}</ol>
    ${step.persona && delivered.length > 1 && html`<div><button class="button small" aria-expanded=${compared ? "true" : "false"} onClick=${() => setCompared(!compared)}>${compared ? "Hide the difference" : "What changed since the attempt before"}</button></div>`}
    ${compared && html`<${Comparison} run=${run} step=${step.id} attempts=${delivered} />`}
  </section>`;
}

const SHOWN = 400;

function StepLog({ store, run, step, attempts }) {
  const [attempt, setAttempt] = useState("all");
  const mine = store.events.value.filter((event) => event.step_id === step.id && (attempt === "all" || String(event.attempt) === attempt));
  const options = [["all", "All"], ...attempts.map((one) => [String(one.attempt), String(one.attempt)])];
  return html`<section class="stack-small">
    <div class="row spread"><h3>Log</h3>${attempts.length > 1 && html`<${Choice} label="Attempt" value=${attempt} options=${options} onChoose=${setAttempt} />`}</div>
    ${mine.length === 0
      ? html`<p class="note">Nothing was said yet.</p>`
      : html`<${Scroll} label=${`Log of ${step.title}`} class="log short"><${LogLines} events=${mine.slice(-SHOWN)} /><//>`}
    <p class="note">${mine.length > SHOWN ? `the last ${SHOWN} of ` : ""}${count(mine.length, "entry", "entries")} · <a href=${href(["runs", run.id, "log"], { q: step.id })}>in the log of the run</a></p>
  </section>`;
}

function Value({ title, value }) {
  if (value === null || value === undefined || (typeof value === "object" && Object.keys(value).length === 0)) return null;
  return html`<details class="fold"><summary><h3>${title}</h3></summary>
    <${Scroll} label=${title}><pre class="code wrap">${json(value)}</pre><//></details>`;
}
