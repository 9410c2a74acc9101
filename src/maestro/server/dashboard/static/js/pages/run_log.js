// The story of a run, entry by entry: what happened and what was said meanwhile.

import { save } from "../api.js";
import { clock, count, duration, json, scalar, shorten, words } from "../format.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { Icon } from "../parts/icons.js";
import { Choice, Empty, Search } from "../parts/ui.js";
import { tone } from "../parts/status.js";
import { amend, route } from "../router.js";

const SHOWN = 400;
const LEVELS = [["all", "Everything"], ["turns", "Without progress"], ["trouble", "Trouble only"]];
const TROUBLE = new Set(["step.failed", "step.blocked", "step.retrying", "step.interrupted", "run.failed", "run.blocked"]);

export function LogTab({ store, run }) {
  const { q = "" } = route.value.query;
  const [level, setLevel] = useState("all");
  const [shown, setShown] = useState(SHOWN);
  const events = store.events.value;
  const titles = new Map(run.step_list.map((step) => [step.id, step.title]));
  const needle = q.toLowerCase();
  const found = events.filter((event) => matches(event, level) && (!needle || text(event, titles).toLowerCase().includes(needle)));
  const visible = found.slice(-shown);
  const box = useRef(null);
  const stuck = useRef(true);
  useEffect(() => {
    if (stuck.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [visible.length, found.length]);
  const download = () => {
    const lines = found.map((event) => text(event, titles)).join("\n");
    save(new Blob([`${lines}\n`], { type: "text/plain" }), `${run.id}-log.txt`);
  };
  return html`<div class="row spread">
      <div class="row"><${Search} label="Search the log" value=${q} onSearch=${(text) => amend({ q: text })} />
        <${Choice} label="Entries" options=${LEVELS} value=${level} onChoose=${setLevel} /></div>
      <button class="button" onClick=${download} disabled=${found.length === 0}><${Icon} name="download" size=${14} />Download${found.length < events.length ? " these" : ""}</button>
    </div>
    <section class="card flush">
      ${found.length === 0
        ? html`<${Empty} title=${events.length > 0 ? "No entry matches" : store.told.value ? "Nothing has happened yet" : "Reading the log"} />`
        : html`<div class="log" ref=${box} role="region" aria-label="Log" tabindex="0"
            onScroll=${(event) => { stuck.current = event.target.scrollTop + event.target.clientHeight > event.target.scrollHeight - 40; }}>
            ${found.length > shown && html`<p class="log-more"><button class="button small" onClick=${() => setShown(shown + 2 * SHOWN)}>Show ${Math.min(found.length - shown, 2 * SHOWN)} earlier entries</button></p>`}
            <${LogLines} events=${visible} titles=${titles} />
          </div>`}
    </section>
    <p class="note num">${found.length === events.length ? count(events.length, "entry", "entries") : `${found.length} of ${count(events.length, "entry", "entries")}`}</p>`;
}

function matches(event, level) {
  if (level === "turns") return event.kind !== "step.progress";
  return level === "all" || TROUBLE.has(event.kind);
}

const TONES = { started: "running", resumed: "running", created: "idle", progress: "idle", retrying: "failed" };

export function LogLines({ events, titles = null }) {
  return html`<ol class="log-lines">${events.map((event) => {
    const [, verb] = event.kind.split(".");
    return html`<li key=${event.sequence} class=${`tone-${TONES[verb] ?? tone(verb)}${event.kind === "step.progress" ? " quiet" : ""}`}>
      <time datetime=${event.at}>${clock(event.at)}</time>
      ${titles && html`<span class="log-step">${event.step_id ? titles.get(event.step_id) ?? event.step_id : "Run"}</span>`}
      <span class="log-text">${event.kind === "step.progress" ? "" : html`<b>${word(event)}</b> `}${said(event)}</span>
    </li>`;
  })}</ol>`;
}

const WORDS = { "run.extended": "extended", "step.awaiting": "waits for somebody", "step.retrying": "failed, tries again", "agent.chosen": "agent chosen", "mock.started": "mock started", "mock.stopped": "mock stopped" };

function word(event) {
  return WORDS[event.kind] ?? event.kind.split(".")[1];
}

/** Kinds whose data reads better as a sentence. */
const TOLD = {
  "agent.chosen": (data) => [data.agent, data.reason, data.fallbacks?.length ? `else ${data.fallbacks.join(", ")}` : ""].filter(Boolean).join("; "),
  "agent.suspended": (data) => `${data.agent} for ${duration(data.seconds)}: ${data.reason}`,
  "mock.started": (data) => [`of ${data.contract}`, data.url ? `at ${data.url}` : "", data.consumer ? `for ${words(data.consumer)}` : ""].filter(Boolean).join(" "),
  "mock.stopped": (data) => `of ${data.contract}${typeof data.calls === "number" ? ` after ${count(data.calls, "call")}` : ""}`,
};

/** What an entry's data says, in a line. */
function said(event) {
  const { data } = event;
  if (typeof data.message === "string") return data.message;
  if (TOLD[event.kind]) return TOLD[event.kind](data);
  if (data.steps) return `by ${count(data.steps.length, "step")}`;
  if (data.error && typeof data.error.message === "string") return data.error.message;
  const rest = Object.entries(data).filter(([, value]) => value !== null && value !== "");
  return rest.map(([name, value]) => `${name} ${typeof value === "object" ? shorten(json(value), 160) : scalar(value)}`).join(", ");
}

function text(event, titles) {
  const step = event.step_id ? `${titles.get(event.step_id) ?? event.step_id} [${event.step_id}]` : "run";
  const attempt = event.attempt > 1 ? ` attempt ${event.attempt}` : "";
  return `${event.at} ${step}${attempt} ${event.kind} ${said(event)}`.trimEnd();
}
