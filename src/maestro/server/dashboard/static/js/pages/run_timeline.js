// The attempts of all steps on one time axis; long idle stretches are folded and say so.

import { count, duration } from "../format.js";
import { Fragment, html } from "../html.js";
import { axis } from "../timeline.js";
import { iconOf, statusWord, tone } from "../parts/status.js";
import { sentence } from "../format.js";
import { Icon } from "../parts/icons.js";
import { Empty, Loading } from "../parts/ui.js";
import { now } from "../session.js";

const LEAST_SHARE = 0.004;

export function Timeline({ store, run, selected, critical, onSelect }) {
  const attempts = store.attempts.value;
  const running = run.ended_at === null;
  const at = running ? now.value : Date.parse(run.ended_at);
  const bars = [...attempts.values()].flat();
  if (bars.length === 0) return store.told.value ? html`<${Empty} title="No step has started yet" />` : html`<${Loading} lines=${6} />`;
  const scale = axis(bars, at);
  const rows = run.step_list
    .filter((step) => attempts.has(step.id))
    .sort((a, b) => attempts.get(a.id)[0].start - attempts.get(b.id)[0].start);
  const pending = run.step_list.length - rows.length;
  let phase = null;
  return html`<div class="timeline" role="region" aria-label="Timeline" tabindex="0"><div class="timeline-sheet">
    <div class="time-axis" aria-hidden="true">
      ${scale.ticks.map((tick) => html`<span key=${tick.seconds} class="tick num" style=${{ left: `${tick.at * 100}%` }}>${tick.seconds === 0 ? "0" : duration(tick.seconds)}</span>`)}
      ${scale.breaks.map((gap) => html`<span key=${gap.from} class="gap" title=${`nothing was at work for ${duration(gap.seconds)}`}
        style=${{ left: `${gap.from * 100}%`, width: `${(gap.to - gap.from) * 100}%` }} />`)}
    </div>
    ${rows.map((step) => {
      const head = step.phase && step.phase !== phase;
      phase = step.phase;
      return html`<${Fragment} key=${step.id}>
        ${head && html`<p class="lane">${sentence(step.phase)}</p>`}
        <${Row} step=${step} bars=${attempts.get(step.id)} scale=${scale} at=${at} selected=${selected?.id === step.id} critical=${critical.has(step.id)} onSelect=${onSelect} />
      <//>`;
    })}
    ${scale.breaks.length > 0 && html`<p class="note time-note">Hatched: ${count(scale.breaks.length, "stretch", "stretches")} without any work, ${duration(scale.breaks.reduce((sum, gap) => sum + gap.seconds, 0))} in all, drawn short.</p>`}
    ${pending > 0 && html`<p class="note time-note">${count(pending, "step has", "steps have")} not started.</p>`}
  </div></div>`;
}

function Row({ step, bars, scale, at, selected, critical, onSelect }) {
  const spent = bars.reduce((sum, bar) => sum + ((bar.end ?? at) - bar.start) / 1000, 0);
  const tries = bars.length > 1 ? `, ${bars.length} attempts` : "";
  return html`<button class=${`time-row${selected ? " selected" : ""}`} aria-pressed=${selected ? "true" : "false"} data-step=${step.id} onClick=${() => onSelect(selected ? null : step.id)}>
    <span class=${`time-name tone-${tone(step.status)}`}><${Icon} name=${iconOf(step.status)} size=${13} /><span class="time-title">${step.title}</span><span class="visually-hidden">, ${statusWord(step.status)}${tries}, </span></span>
    <span class="time-track">
      ${scale.ticks.map((tick) => html`<i key=${tick.seconds} class="time-line" style=${{ left: `${tick.at * 100}%` }} />`)}
      ${bars.map((bar) => {
        const from = scale.position(bar.start);
        const width = Math.max(LEAST_SHARE, scale.position(bar.end ?? at) - from);
        return html`<i key=${bar.number} class=${`time-bar fill-${tone(bar.status)}${critical ? " critical" : ""}${bar.end === null ? " open" : ""}`}
          title=${`attempt ${bar.number}: ${duration(((bar.end ?? at) - bar.start) / 1000)}, ${statusWord(bar.status)}`}
          style=${{ left: `${Math.min(from, 1 - LEAST_SHARE) * 100}%`, width: `${width * 100}%` }} />`;
      })}
    </span>
    <span class="time-spent num">${duration(spent)}</span>
  </button>`;
}
