// One run: what it is doing now, what it needs, and everything the journal holds about it.

import { getBlob, save } from "../api.js";
import { ago, count, duration, moment, money, score, secondsBetween, shorten, words } from "../format.js";
import { html, useEffect, useMemo, useState } from "../html.js";
import { attempt } from "../parts/dialog.js";
import { connection } from "../live.js";
import { Icon } from "../parts/icons.js";
import { Status, iconOf, statusWord, tone } from "../parts/status.js";
import { Fact, Loading, Problem, Tabs } from "../parts/ui.js";
import { go, route } from "../router.js";
import { openRun } from "../runstore.js";
import { now } from "../session.js";
import { ArtefactsTab } from "./run_artefacts.js";
import { ContractsTab } from "./run_contracts.js";
import { GatesTab } from "./run_gates.js";
import { LogTab } from "./run_log.js";
import { PlanTab } from "./run_plan.js";
import { ResultTab } from "./run_result.js";
import { StepsTab } from "./run_steps.js";
import { TraceTab } from "./run_trace.js";
import { RunButtons, StepButtons } from "./steering.js";

export function RunPage({ id, tab = "steps" }) {
  const store = useMemo(() => openRun(id), [id]);
  useEffect(() => () => store.close(), [store]);
  const run = store.run.value;
  useEffect(() => {
    document.title = `${run ? shorten(titleOf(run), 60) : id} · Maestro`;
  }, [run?.requirement]);
  if (!run) {
    return store.error.value
      ? html`<${Problem} error=${store.error.value} retry=${store.refresh} />`
      : html`<${Loading} lines=${7} label="Loading the run" />`;
  }
  const tabs = tabsOf(run);
  const current = tabs.some((one) => one.id === tab) ? tab : "steps";
  const choose = (name) => go(["runs", id, name]);
  const Shown = TABS[current];
  return html`<${Head} store=${store} run=${run} />
    ${store.error.value && html`<${Problem} error=${store.error.value} retry=${store.refresh} />`}
    ${connection.value === "off" && html`<p class="reason tone-failed" role="status">The connection to the server was lost. What you see may be old; it goes on by itself when the server is back.</p>`}
    <${Attention} store=${store} run=${run} />
    <${Tabs} tabs=${tabs} current=${current} label="About this run" onChoose=${choose} />
    <div role="tabpanel" id="tab-panel" aria-labelledby=${`tab-${current}`} class="stack"><${Shown} store=${store} run=${run} /></div>`;
}

const TABS = {
  steps: StepsTab,
  plan: PlanTab,
  contracts: ContractsTab,
  gates: GatesTab,
  trace: TraceTab,
  artefacts: ArtefactsTab,
  log: LogTab,
  result: ResultTab,
};

export function titleOf(run) {
  return run.requirement ?? words(run.workflow);
}

function tabsOf(run) {
  const steps = { id: "steps", title: "Steps", count: run.steps.total };
  const log = { id: "log", title: "Log" };
  if (run.kind === "workflow") return [steps, log];
  const plan = { id: "plan", title: "Plan" };
  if (run.kind === "plan") return [steps, plan, log];
  const { verdict } = run;
  return [
    steps,
    plan,
    { id: "contracts", title: "Contracts", count: verdict?.contracts_total },
    { id: "gates", title: "Gates", count: verdict?.gates_total },
    { id: "trace", title: "Traceability" },
    { id: "artefacts", title: "Artefacts" },
    log,
    { id: "result", title: "Result" },
  ];
}

function Head({ store, run }) {
  const title = titleOf(run);
  const events = store.events.value;
  const seconds = run.ended_at || !run.started_at ? run.duration_seconds : secondsBetween(run.started_at, null, now.value);
  const { total, ...by } = run.steps;
  const { verdict } = run;
  const resting = run.ended_at !== null;
  return html`<header class="run-head">
    <div class="row spread">
      <p class="crumbs"><a href="#/runs">Runs</a><span aria-hidden="true">/</span><code>${run.id}</code></p>
      <div class="actions"><${RunButtons} store=${store} run=${run} />${run.kind === "build" && resting && html`<${Downloads} run=${run} />`}</div>
    </div>
    <${Title} text=${title} />
    <div class="row now">
      <${Status} status=${run.status} />
      <${Doing} run=${run} events=${events} />
    </div>
    <dl class="facts">
      <${Fact} name="Duration">${seconds === null ? "–" : duration(seconds)}<//>
      <${Fact} name="Steps">${by.succeeded ?? 0}<small> of ${total}${by.skipped ? `, ${by.skipped} skipped` : ""}</small><//>
      ${verdict && verdict.contracts_total > 0 && html`<${Fact} name="Contracts kept">${verdict.contracts_verified}<small> of ${verdict.contracts_total}</small><//>`}
      ${verdict && verdict.gates_total > 0 && html`<${Fact} name="Gates passed">${verdict.gates_passed}<small> of ${verdict.gates_total}</small><//>`}
      ${verdict && verdict.score !== null && html`<${Fact} name="Score">${score(verdict.score)} <small>${words(verdict.band)}</small><//>`}
      ${verdict && run.kind === "build" && html`<${Fact} name="Model cost">${money(verdict.cost)}<//>`}
    </dl>
  </header>`;
}

const LONG = 150;

function Title({ text }) {
  const [open, setOpen] = useState(false);
  if (text.length <= LONG) return html`<h1>${text}</h1>`;
  return html`<div><h1>${open ? text : shorten(text, LONG)}</h1>
    <button class="plain small" aria-expanded=${open ? "true" : "false"} onClick=${() => setOpen(!open)}>${open ? "Show less" : "Show the whole requirement"}</button></div>`;
}

/** What it does now, and how old the last sign of life is: a silent run must not look busy. */
function Doing({ run, events }) {
  const last = events.at(-1);
  const moving = ["running", "pending"].includes(run.status);
  const begun = `Created ${moment(run.created_at, now.peek())}${run.submitted_by ? ` by ${run.submitted_by}` : ""}${run.environment ? ` for ${run.environment}` : ""}`;
  if (!moving) return html`<span class="muted num">${begun}${run.ended_at ? `, came to rest ${moment(run.ended_at, now.peek())}` : ""}</span>`;
  const [first, ...others] = run.doing;
  return html`<span class="doing">${first ?? (run.driven ? "Between two steps" : "Nobody works on it at the moment")}
    ${others.length > 0 && html`<span class="muted"> and ${count(others.length, "other step")}</span>`}</span>
    ${last && html`<span class="faint num">last sign of life ${ago(last.at, now.value)}</span>`}`;
}

function Downloads({ run }) {
  const [busy, setBusy] = useState(false);
  const archive = async () => {
    setBusy(true);
    await attempt(async () => save(await getBlob(`/runs/${run.id}/archive`), `${run.id}.zip`));
    setBusy(false);
  };
  const report = () => attempt(async () => save(await getBlob(`/runs/${run.id}/report`), `${run.id}-report.html`));
  return html`<button class="button" onClick=${report}>Report</button>
    <button class="button" disabled=${busy} onClick=${archive}><${Icon} name="download" size=${14} />${busy ? "Packing" : "Download all"}</button>`;
}

const URGENT = { awaiting: 0, failed: 1, blocked: 2 };

/** One banner for what needs eyes: the first step that broke, was refused, or waits for a person. */
function Attention({ store, run }) {
  if (["succeeded", "cancelled"].includes(run.status)) return null;
  const urgent = run.step_list.filter((step) => step.status in URGENT).sort((a, b) => URGENT[a.status] - URGENT[b.status]);
  const [step] = urgent;
  if (!step) return null;
  const open = () => go(["runs", run.id, "steps"], { step: step.id });
  const { parts, query } = route.value;
  const shown = query.step ?? run.focus;
  const here = (parts[2] ?? "steps") === "steps" && shown === step.id;
  const others = urgent.length - 1;
  return html`<section class=${`attention tone-${tone(step.status)}`} aria-label=${statusWord(step.status)}>
    <${Icon} name=${iconOf(step.status)} size=${18} />
    <div>
      <h2>${step.title} ${step.status === "awaiting" ? "waits for you" : step.status === "failed" ? "failed" : "was blocked"}</h2>
      ${step.error && html`<p>${shorten(step.error.message, 400)}</p>`}
      ${step.error && step.error.reasons.length > 0 && html`<ul class="bullets">${step.error.reasons.slice(0, 3).map(
        (reason) => html`<li key=${reason}>${shorten(reason, 300)}</li>`)}</ul>`}
      ${(others > 0 || (step.error?.reasons.length ?? 0) > 3) && html`<p class="note">
        ${step.error && step.error.reasons.length > 3 && `${count(step.error.reasons.length - 3, "more reason")} on the step. `}
        ${others > 0 && `${count(others, "other step needs", "other steps need")} attention, too.`}</p>`}
    </div>
    <div class="actions"><${StepButtons} store=${store} run=${run} step=${step} urgent />
      ${!here && html`<button class="button small" onClick=${open}>Show the step</button>`}</div>
  </section>`;
}
