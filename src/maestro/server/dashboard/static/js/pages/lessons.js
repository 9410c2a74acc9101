// Lessons: each is a fact that was counted, with the runs it was counted in.

import { ago, count, duration, moment, money, percent, sentence, shorten } from "../format.js";
import { html, useState } from "../html.js";
import { Listed } from "../parts/listed.js";
import { Status, tone } from "../parts/status.js";
import { Bar, Card, Empty, Scroll, Search } from "../parts/ui.js";
import { useGrowing } from "../resource.js";
import { amend, href, route } from "../router.js";
import { now } from "../session.js";

const KINDS = [["", "Everything"], ["gate", "Gates"], ["artefact", "Required artefacts"], ["check", "Checks of contracts"], ["error", "Steps that broke or were refused"]];
const NAMES = { gate: "Gate", artefact: "Required artefact", check: "Check", error: "Ended with" };
const VERBS = { gate: "refused", artefact: "was missing for", check: "did not hold for", error: "ended" };
const BY = {
  retry: "a retry by the engine",
  request: "somebody asking for another attempt",
  rework: "the work given back with the reasons",
  continuation: "another process going on",
  waiver: "a waiver",
};
const PAGE = 20;

export function LessonList({ project }) {
  const { q = "", kind = "", persona = "" } = route.value.query;
  const list = useGrowing("/lessons", { project, q, kind, persona, limit: PAGE });
  return html`<div class="row" role="search">
      <${Search} label="Search lessons" placeholder="Gate, check, persona, reason" value=${q} onSearch=${(text) => amend({ q: text })} />
      <select aria-label="Kind" value=${kind} onChange=${(event) => amend({ kind: event.target.value })}>${KINDS.map(([id, text]) => html`<option key=${id} value=${id} selected=${id === kind}>${text}</option>`)}</select>
      ${persona && html`<span class="tag">${sentence(persona)}</span><button class="plain" onClick=${() => amend({ persona: "" })}>All personas</button>`}
    </div>
    <${Listed} list=${list} lines=${6} more="Show more lessons">${(items) => items.length === 0
      ? html`<${Card}><${Empty} title=${q || kind || persona ? "No lesson matches" : "Nothing stood in the way of the runs that ended"} /><//>`
      : items.map((lesson) => html`<${Lesson} key=${lesson.id} lesson=${lesson} />`)}<//>`;
}

function Lesson({ lesson }) {
  const [open, setOpen] = useState(false);
  const worst = lesson.cases[0].status;
  return html`<article class="card lesson" aria-label=${`${NAMES[lesson.kind]} ${lesson.name}`}>
    <div class="row spread">
      <h2><span class="faint">${NAMES[lesson.kind]}</span> <code>${lesson.name}</code></h2>
      <span class="lesson-when"><${Status} status=${worst} quiet /><span class="note num">last ${ago(lesson.at, now.peek())}</span></span>
    </div>
    <p class="lesson-fact">${fact(lesson)}</p>
    <p class="reason tone-${tone(worst)} break">${shorten(lesson.reason, open ? 4000 : 300)}</p>
    <div class="two tight">
      <div><p class="label">What became of it</p>
        <div class="bar-cell"><${Bar} label=${`${lesson.mended} mended, ${lesson.unmended} not`} parts=${[{ tone: "succeeded", value: lesson.mended }, { tone: tone(worst), value: lesson.unmended }]} /></div>
        <p class="note">${mended(lesson)}</p></div>
      <div><p class="label">What it took</p><p class="note">${spent(lesson)}</p></div>
    </div>
    <details class="fold" onToggle=${(event) => setOpen(event.target.open)}><summary><span class="note">${lesson.cases.length < lesson.mended + lesson.unmended ? `The newest ${lesson.cases.length} cases` : count(lesson.cases.length, "case")}</span></summary>
      <${Scroll} label=${`Cases of ${lesson.name}`}><table class="inner cards"><thead><tr><th>When</th><th>Run and step</th><th>Attempt</th><th>Then</th></tr></thead>
      <tbody>${lesson.cases.map((one) => html`<tr key=${`${one.run_id} ${one.step_id}`}><td class="nowrap note">${moment(one.at, now.peek())}</td>
        <td class="wide"><a href=${href(["runs", one.run_id, "steps"], { step: one.step_id })}>${one.title}</a> <span class="note">in <code>${one.run_id}</code></span>${one.reason !== lesson.reason && html`<p class="note break">${shorten(one.reason, 240)}</p>`}</td>
        <td class="nowrap num">${one.attempt} <${Status} status=${one.status} quiet /></td>
        <td class="wide">${one.mended_in === null ? html`<span class="faint">not mended</span>` : html`attempt ${one.mended_in} succeeded, after ${BY[one.mended_by]}`}</td></tr>`)}</tbody></table><//></details>
  </article>`;
}

/** The lesson in one sentence that holds nothing but counts. */
function fact(lesson) {
  const runs = `${lesson.runs} of ${count(lesson.runs_tried, "run")}`;
  const share = lesson.runs_tried >= 5 ? ` (${percent((100 * lesson.runs) / lesson.runs_tried)})` : "";
  if (lesson.kind === "error") {
    const who = lesson.persona ? `${sentence(lesson.persona)}: ` : "";
    const where = !lesson.persona && lesson.phase ? ` of the phase ${sentence(lesson.phase).toLowerCase()}` : "";
    return html`${who}<code>${lesson.action || "waiting for somebody"}</code>${where} ended so in ${runs}${share} that came to it.`;
  }
  const whom = lesson.persona ? ` the ${sentence(lesson.persona).toLowerCase()}` : lesson.phase ? ` the phase ${sentence(lesson.phase).toLowerCase()}` : " the work";
  return `It ${VERBS[lesson.kind]}${whom} in ${runs}${share} that came to it.`;
}

function mended(lesson) {
  const total = lesson.mended + lesson.unmended;
  if (lesson.mended === 0) return total === 1 ? "The step has not succeeded since." : `None of ${total} steps has succeeded since.`;
  const tries = Object.entries(lesson.mended_in).map(([number, times]) => `${times} on attempt ${number}`).join(", ");
  const ways = Object.entries(lesson.mended_by).map(([way, times]) => `${times} after ${BY[way]}`).join(", ");
  return `${lesson.mended} of ${count(total, "step")} succeeded later: ${tries}; ${ways}.`;
}

function spent(lesson) {
  const time = lesson.seconds === null ? "time unknown" : duration(lesson.seconds);
  const cost = lesson.cost === 0 ? "no model was paid" : `${money(lesson.cost)} for models in those steps`;
  return `${count(lesson.attempts, "attempt")} that did not succeed, ${time}; ${cost}.`;
}
