// Looking back: how ended runs came out, and the facts that keep coming back in them.

import { get } from "../api.js";
import { count, duration, moment, money, percent, score, sentence, shorten } from "../format.js";
import { html } from "../html.js";
import { Listed } from "../parts/listed.js";
import { Status, tone } from "../parts/status.js";
import { Bar, Card, Empty, Fact, Loaded, PageHead, Scroll, Search, Tabs } from "../parts/ui.js";
import { ProjectChoice } from "../parts/project.js";
import { useGrowing, useResource } from "../resource.js";
import { amend, go, href, route } from "../router.js";
import { LessonList } from "./lessons.js";

const TABS = [{ id: "runs", title: "Ended runs" }, { id: "lessons", title: "Lessons" }, { id: "work", title: "By persona and step" }];

export function HistoryPage({ parts }) {
  const tab = TABS.some((one) => one.id === parts[0]) ? parts[0] : "runs";
  const { project = "" } = route.value.query;
  const figures = useResource(() => get("/history/figures", { project }), [project]);
  return html`<${PageHead} title="History and lessons" lead="How runs ended, what stood in their way, and what came after it. All of it is counted in the journal.">
      <${ProjectChoice} value=${project} onChoose=${(id) => amend({ project: id })} /><//>
    <${Loaded} from=${figures} lines=${5}>${(told) => told.runs === 0
      ? html`<${Card}><${Empty} title="No run has ended yet"><a href="#/build">Start one</a><//><//>`
      : html`<${Summary} told=${told} />
        <${Tabs} tabs=${TABS} current=${tab} label="History" onChoose=${(name) => go(["history", name], { project })} />
        <div role="tabpanel" id="tab-panel" aria-labelledby=${`tab-${tab}`} class="stack">
          ${tab === "runs" && html`<${Blueprints} told=${told} /><${EndedRuns} project=${project} blueprints=${told.blueprints} />`}
          ${tab === "lessons" && html`<${LessonList} project=${project} />`}
          ${tab === "work" && html`<${Work} told=${told} />`}
        </div>`}<//>`;
}

const ENDS = ["succeeded", "blocked", "failed", "cancelled"];

function Summary({ told }) {
  const steps = told.work.reduce((sum, one) => sum + one.steps, 0);
  const first = told.work.reduce((sum, one) => sum + one.first_try, 0);
  return html`<${Card}>
    <dl class="facts">
      <${Fact} name="Runs ended">${told.runs}${told.more && html`<small> newest</small>`}<//>
      ${ENDS.filter((end) => told.ends[end]).map((end) => html`<${Fact} key=${end} name=${sentence(end)}>${told.ends[end]}<//>`)}
      <${Fact} name="Median duration">${duration(told.seconds)}<//>
      ${steps > 0 && html`<${Fact} name="Steps right at once">${percent((100 * first) / steps)}<small> of ${steps}</small><//>`}
    </dl>
    <div class="gap-small"><${Bar} label="Runs by end" parts=${ENDS.map((end) => ({ tone: tone(end), value: told.ends[end] ?? 0 }))} /></div>
    ${told.more && html`<p class="note gap-small">Figures and lessons are of the newest ${told.runs} runs that have ended.</p>`}
  <//>`;
}

function Blueprints({ told }) {
  if (told.blueprints.length === 0) return null;
  return html`<${Card} title="By blueprint" class="flush"><${Scroll} label="By blueprint"><table class="cards"><thead><tr><th>Blueprint</th><th class="share">Ended</th><th class="right">Succeeded</th><th class="right">Mean score</th><th class="right">Median duration</th><th class="right">Model cost</th></tr></thead>
    <tbody>${told.blueprints.map((one) => html`<tr key=${one.blueprint}><td class="wide"><button class="plain" onClick=${() => amend({ blueprint: one.blueprint })}><code>${one.blueprint}</code></button></td>
      <td class="wide share"><div class="bar-cell"><${Bar} label=${ENDS.filter((end) => one.ends[end]).map((end) => `${one.ends[end]} ${end}`).join(", ")} parts=${ENDS.map((end) => ({ tone: tone(end), value: one.ends[end] ?? 0 }))} /></div></td>
      <td class="right nowrap" data-name="Succeeded">${one.ends.succeeded ?? 0} of ${one.runs}</td><td class="right" data-name="Score">${score(one.score)}</td>
      <td class="right nowrap" data-name="Median">${duration(one.seconds)}</td><td class="right" data-name="Cost">${money(one.cost)}</td></tr>`)}</tbody></table><//><//>`;
}

const PAGE = 30;

function EndedRuns({ project, blueprints }) {
  const { q = "", status = "", blueprint = "" } = route.value.query;
  const list = useGrowing("/history", { project, q, status, blueprint, limit: PAGE });
  const choose = (name) => (event) => amend({ [name]: event.target.value });
  const filtered = q || status || blueprint;
  return html`<div class="row" role="search">
      <${Search} label="Search ended runs" placeholder="Requirement or run id" value=${q} onSearch=${(text) => amend({ q: text })} />
      <select aria-label="End" value=${status} onChange=${choose("status")}><option value="">However it ended</option>${ENDS.map((end) => html`<option key=${end} value=${end} selected=${end === status}>${sentence(end)}</option>`)}</select>
      ${blueprints.length > 0 && html`<select aria-label="Blueprint" value=${blueprint} onChange=${choose("blueprint")}><option value="">All blueprints</option>${blueprints.map((one) => html`<option key=${one.blueprint} value=${one.blueprint} selected=${one.blueprint === blueprint}>${one.blueprint}</option>`)}</select>`}
      ${filtered && html`<button class="plain" onClick=${() => amend({ q: "", status: "", blueprint: "" })}>Clear filters</button>`}
    </div>
    <${Listed} list=${list} lines=${6} more="Show older runs">${(items) => items.length === 0
      ? html`<${Card}><${Empty} title="No ended run matches" /><//>`
      : html`<${Chart} runs=${items} /><${RunTable} runs=${items} />`}<//>`;
}

const HEIGHT = 110;
const STEP = 18;

const titleOf = (run) => run.requirement ?? run.workflow;

function Chart({ runs }) {
  if (runs.length < 3) return null;
  const longest = Math.max(...runs.map((run) => run.duration_seconds ?? 0), 0.001);
  return html`<${Card} title="Duration" note=${`${count(runs.length, "run")}, oldest left; the longest took ${duration(longest)}`}>
    <${Scroll} label="Duration of runs"><div class="columns" style=${{ height: `${HEIGHT}px`, minWidth: `${runs.length * STEP}px` }}>
      ${[...runs].reverse().map((run) => html`<button key=${run.id} class="column" aria-label=${`${shorten(titleOf(run), 60)}: ${run.status}, ${duration(run.duration_seconds)}`} title=${`${shorten(titleOf(run), 60)}: ${duration(run.duration_seconds)}`} onClick=${() => go(["runs", run.id])}>
        <span class=${`fill-${tone(run.status)}`} style=${{ height: `${Math.max(3, (100 * (run.duration_seconds ?? 0)) / longest)}%` }} /></button>`)}
    </div><//><//>`;
}

function RunTable({ runs }) {
  return html`<section class="card flush"><${Scroll} label="Ended runs"><table class="cards"><thead><tr><th>Ended</th><th>Run</th><th>Status</th><th>Attempts</th><th class="right">Score</th><th class="right">Cost</th><th class="right">Took</th></tr></thead>
    <tbody>${runs.map((run) => html`<tr key=${run.id} class="open-row"><td class="nowrap note">${moment(run.ended_at)}</td>
      <td class="wide"><a class="cover clamp" href=${href(["runs", run.id])}>${titleOf(run)}</a>${run.verdict?.blueprint && html`<span class="note"><code>${run.verdict.blueprint}</code></span>`}</td>
      <td><${Status} status=${run.status} quiet /></td><td class="note attempts-cell" data-name="Attempts"><${Attempts} run=${run} /></td>
      <td class="right" data-name="Score">${run.verdict && run.verdict.score !== null ? score(run.verdict.score) : ""}</td>
      <td class="right nowrap" data-name="Cost">${run.model_calls === 0 ? "no model" : money(run.cost)}</td>
      <td class="right nowrap" data-name="Took">${duration(run.duration_seconds)}</td></tr>`)}</tbody></table><//></section>`;
}

function Attempts({ run }) {
  if (run.unsuccessful === 0) return `${run.attempts}, all successful`;
  const told = [[run.mended, "mended"], [run.unmended, "not mended"]].filter(([number]) => number > 0);
  return html`${run.attempts}, <b>${run.unsuccessful} not successful</b>${told.length > 0 && html`<br />${told.map(([number, word]) => `${count(number, "step")} ${word}`).join(", ")}`}`;
}

function Work({ told }) {
  const people = told.work.filter((one) => one.action === "persona.work");
  const others = told.work.filter((one) => one.action !== "persona.work");
  return html`<${WorkTable} title="Work of personas" rows=${people} /><${WorkTable} title="Other steps" rows=${others} />`;
}

function WorkTable({ title, rows }) {
  if (rows.length === 0) return null;
  const longest = Math.max(...rows.map((one) => one.seconds ?? 0), 0.001);
  const asked = rows.some((one) => one.model_calls > 0);
  return html`<${Card} title=${title} class="flush"><${Scroll} label=${title}><table class="cards"><thead><tr><th>${title === "Other steps" ? "Step" : "Persona"}</th><th class="right">Runs</th><th class="right">Right at once</th><th class="right">Attempts</th>${asked && html`<th class="right">Tokens</th><th class="right">Model cost</th>`}<th class="right">Median</th><th class="share">Median, drawn</th></tr></thead>
    <tbody>${rows.map((one) => html`<tr key=${`${one.persona} ${one.action} ${one.phase}`}><td class="wide">${one.persona ? sentence(one.persona) : sentence(one.phase)}${one.action !== "persona.work" && html` <code class="note">${one.action}</code>`}</td>
      <td class="right" data-name="Runs">${one.runs}</td><td class="right nowrap" data-name="Right at once">${one.first_try} of ${one.steps}</td><td class="right" data-name="Attempts">${one.attempts}</td>
      ${asked && html`<td class="right" data-name="Tokens">${one.model_calls ? one.tokens : "–"}</td><td class="right" data-name="Cost">${one.model_calls ? money(one.cost) : "–"}</td>`}
      <td class="right nowrap" data-name="Median">${duration(one.seconds)}</td>
      <td class="wide share"><div class="share-bar"><span style=${{ width: `${(100 * (one.seconds ?? 0)) / longest}%` }} /></div></td></tr>`)}</tbody></table><//><//>`;
}
