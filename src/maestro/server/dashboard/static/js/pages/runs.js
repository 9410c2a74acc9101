// All runs, newest first, kept fresh while the page is open.

import { getChanged } from "../api.js";
import { count, duration, moment, money, score, secondsBetween, words } from "../format.js";
import { html } from "../html.js";
import { Listed } from "../parts/listed.js";
import { ProjectChoice } from "../parts/project.js";
import { Status, tone } from "../parts/status.js";
import { Bar, Card, Empty, PageHead, Scroll, Search } from "../parts/ui.js";
import { useEvery, useGrowing } from "../resource.js";
import { amend, href, route } from "../router.js";
import { may, now } from "../session.js";

const STATUSES = ["running", "pending", "paused", "blocked", "failed", "succeeded", "cancelled"];
const EVERY_MS = 4000;
const PAGE = 30;

export function RunsPage() {
  const { status = "", q = "", project = "" } = route.value.query;
  const list = useGrowing("/runs", { status, q, project, limit: PAGE }, { ask: getChanged });
  useEvery(EVERY_MS, list.refresh);
  const clear = () => amend({ status: "", q: "", project: "" });
  const filtered = Boolean(status || q || project);
  return html`<${PageHead} title="Runs" lead="What is being built, what was built, and how it ended.">
      ${may("run:create") && html`<a class="button primary" href="#/build">New build</a>`}
    <//>
    <div class="row" role="search">
      <${Search} label="Search runs" placeholder="Requirement or run id" value=${q} onSearch=${(text) => amend({ q: text })} />
      <select aria-label="Status" value=${status} onChange=${(event) => amend({ status: event.target.value })}>
        <option value="">All statuses</option>
        ${STATUSES.map((name) => html`<option key=${name} value=${name} selected=${name === status}>${words(name)}</option>`)}
      </select>
      <${ProjectChoice} value=${project} onChoose=${(id) => amend({ project: id })} />
      ${filtered && html`<button class="plain" onClick=${clear}>Clear filters</button>`}
    </div>
    <${Listed} list=${list} lines=${8} more="Show older runs">${(items) => items.length > 0
      ? html`<${Card} class="flush"><${Scroll} label="Runs"><${RunTable} runs=${items} /><//><//>`
      : html`<${Card}><${Empty} title=${filtered ? "No run matches" : "No runs yet"}>
        ${filtered
          ? html`<button class="plain" onClick=${clear}>Show all runs</button>`
          : html`<a href="#/build">Describe what should be built</a> or run <code>maestro build "…"</code>`}
      <//><//>`}<//>`;
}

function RunTable({ runs }) {
  return html`<table class="cards runs">
    <thead><tr><th>Status</th><th>Run</th><th>Progress</th><th class="right">Score</th><th class="right">Cost</th><th class="right">Duration</th><th class="right">Created</th></tr></thead>
    <tbody>${runs.map((run) => html`<${Row} key=${run.id} run=${run} />`)}</tbody>
  </table>`;
}

function Row({ run }) {
  const { verdict } = run;
  const seconds = run.ended_at || !run.started_at ? run.duration_seconds : secondsBetween(run.started_at, null, now.value);
  return html`<tr class="open-row">
    <td><${Status} status=${run.status} /></td>
    <td class="wide run-title"><a class="cover clamp" href=${href(["runs", run.id])}>${run.requirement ?? run.workflow}</a>
      <span class="note"><code>${run.id}</code>${run.kind === "build" ? "" : ` · ${run.kind}`}${run.project === "default" ? "" : ` · ${run.project}`}</span></td>
    <td class="wide progress"><${Progress} run=${run} /></td>
    <td class="right" data-name="Score">${verdict && verdict.score !== null ? score(verdict.score) : ""}</td>
    <td class="right" data-name="Cost">${verdict ? money(verdict.cost) : ""}</td>
    <td class="right nowrap" data-name="Took">${seconds === null ? "" : duration(seconds)}</td>
    <td class="right nowrap note">${moment(run.created_at, now.peek())}</td>
  </tr>`;
}

const ORDER = ["succeeded", "skipped", "running", "awaiting", "waiting", "failed", "blocked", "cancelled"];

function Progress({ run }) {
  const { total, ...by } = run.steps;
  const parts = new Map();
  for (const status of [...ORDER, "ready", "pending"]) {
    const key = ["skipped", "cancelled", "ready", "pending"].includes(status) ? "idle" : tone(status);
    parts.set(key, (parts.get(key) ?? 0) + (by[status] ?? 0));
  }
  const skipped = by.skipped ? `, ${by.skipped} skipped` : "";
  const label = `${by.succeeded ?? 0} of ${count(total, "step")} done${skipped}`;
  const { verdict } = run;
  const gates = verdict && verdict.gates_total > 0 ? ` · ${verdict.gates_passed} of ${count(verdict.gates_total, "gate")}` : "";
  const tones = ["succeeded", "running", "awaiting", "waiting", "failed", "blocked", "idle"];
  return html`<${Bar} label=${label} parts=${tones.map((name) => ({ tone: name, value: parts.get(name) ?? 0 }))} />
    <span class="note num">${label}${gates}</span>`;
}
