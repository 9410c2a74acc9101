// What the run came to: score, times, cost, and what is needed to go on.

import { get } from "../api.js";
import { count, duration, money, percent, scalar, score, sentence, words } from "../format.js";
import { html } from "../html.js";
import { Card, Fact, Loaded, Scroll } from "../parts/ui.js";
import { useResource } from "../resource.js";
import { href } from "../router.js";

export function ResultTab({ store, run }) {
  const outcome = useResource(() => get(`/runs/${run.id}/outcome`), [run.id], store.version.value);
  return html`<${Loaded} from=${outcome} lines=${8}>${({ outcome: told, result }) => html`
    ${told.reasons.length > 0 && html`<${Card} title=${run.status === "blocked" ? "Why it was blocked" : "Why it did not succeed"}><ul class="bullets">${told.reasons.map((reason) => html`<li key=${reason}>${reason}</li>`)}</ul><//>`}
    <${Score} told=${told.score} run=${run} />
    <div class="two"><${Times} run=${run} timing=${told.timing} steps=${run.step_list} /><${Cost} usage=${told.usage} planner=${result.planner} /></div>
    <${Personas} store=${store} run=${run} />`}<//>`;
}

function Score({ told, run }) {
  if (!told) {
    return html`<${Card} title="Score"><p class="muted">${run.ended_at ? "Unknown: a term of it has no evidence, and what is unknown is not guessed." : "Computed when the run has come to rest."}</p><//>`;
  }
  return html`<${Card} title="Score" note=${`${score(told.overall)}, ${words(told.band)}`}>
    <${Scroll} label="Terms of the score"><table class="inner"><thead><tr><th>Term</th><th class="right">Weight</th><th class="right">Value</th><th>Evidence</th></tr></thead>
    <tbody>${told.terms.map((term) => html`<tr key=${term.name}><td>${sentence(term.name)}</td><td class="right">${scalar(term.weight)}</td><td class="right">${scalar(term.value)}</td>
      <td>${term.evidence}${term.sources.length > 0 && html`<details class="fold"><summary><span class="note">${count(term.sources.length, "source")}</span></summary>
        <ul class="bullets note">${term.sources.map((source, at) => html`<li key=${at}><b>${source.name}</b> ${scalar(source.value)}: ${source.seen}</li>`)}</ul></details>`}</td></tr>`)}</tbody></table><//><//>`;
}

function Times({ run, timing, steps }) {
  const titles = new Map(steps.map((step) => [step.id, step.title]));
  return html`<${Card} title="Time" note="measured from the run's own events">
    <dl class="facts"><${Fact} name="On the clock">${duration(timing.wall)}<//><${Fact} name="One after the other">${duration(timing.sequential)}<//><${Fact} name="Critical path">${duration(timing.critical_path)}<//>
      ${run.verdict && run.verdict.time_savings_percent > 0 && html`<${Fact} name="Saved by working side by side">${percent(run.verdict.time_savings_percent)}<//>`}</dl>
    ${timing.critical_steps.length > 0 && html`<details class="fold gap-top"><summary><h3>Steps of the critical path</h3></summary><ol class="bullets">${timing.critical_steps.map((id) => html`<li key=${id}><a href=${href(["runs", run.id, "steps"], { step: id })}>${titles.get(id) ?? id}</a></li>`)}</ol></details>`}
  <//>`;
}

function Cost({ usage, planner }) {
  return html`<${Card} title="Cost" note=${usage.model_calls === 0 ? "no model was called" : count(usage.model_calls, "model call")}>
    <dl class="facts"><${Fact} name="Total">${money(usage.cost)}<//><${Fact} name="Tokens in">${usage.input_tokens}<//><${Fact} name="Tokens out">${usage.output_tokens}<//><${Fact} name="Planner">${planner || "–"}<//></dl><//>`;
}

/** Time at work by persona, from the attempts in the journal. */
function Personas({ store, run }) {
  const attempts = store.attempts.value;
  const by = new Map();
  for (const step of run.step_list) {
    if (!step.persona || !attempts.has(step.id)) continue;
    const mine = by.get(step.persona) ?? { seconds: 0, tries: 0, steps: 0 };
    for (const one of attempts.get(step.id)) {
      if (one.end !== null) mine.seconds += (one.end - one.start) / 1000;
      mine.tries += 1;
    }
    mine.steps += 1;
    by.set(step.persona, mine);
  }
  if (by.size === 0) return null;
  const longest = Math.max(...[...by.values()].map((one) => one.seconds));
  const sorted = [...by].sort((a, b) => b[1].seconds - a[1].seconds);
  return html`<${Card} title="By persona" class="flush"><${Scroll} label="By persona"><table><thead><tr><th>Persona</th><th class="right">Steps</th><th class="right">Attempts</th><th class="right">At work</th><th class="share">Share</th></tr></thead>
    <tbody>${sorted.map(([persona, one]) => html`<tr key=${persona}><td>${sentence(persona)}</td><td class="right">${one.steps}</td><td class="right">${one.tries}</td><td class="right nowrap">${duration(one.seconds)}</td>
      <td class="share"><div class="share-bar"><span style=${{ width: `${longest ? (100 * one.seconds) / longest : 0}%` }} /></div></td></tr>`)}</tbody></table><//><//>`;
}
