// A plan: how the requirement was read, who works on it, what they agree on, in which order.

import { count, percent, score, sentence, words } from "../format.js";
import { html } from "../html.js";
import { Card, Fact, Scroll } from "./ui.js";

export function Reasons({ reasons }) {
  if (!reasons || reasons.length === 0) return null;
  return html`<section class="reason tone-blocked"><h2>It needs an answer first</h2><ul class="bullets">${reasons.map((reason) => html`<li key=${reason}>${reason}</li>`)}</ul></section>`;
}

export function PlanView({ plan, groups }) {
  const { analysis, team } = plan;
  const uncovered = analysis.parts.filter((part) => !part.covered);
  return html`<${Card} title="Reading" note=${analysis.planner === "offline" ? "by rules and a language parser; no model was called" : `by ${analysis.planner}`}>
      <dl class="facts">
        <${Fact} name="Type">${sentence(analysis.type)}<//>
        <${Fact} name="Complexity">${sentence(analysis.complexity)}<//>
        <${Fact} name="Parallel work">${sentence(analysis.parallelizability)}<//>
        <${Fact} name="Confidence">${percent(100 * analysis.confidence)}<//>
        <${Fact} name="Effort by hand">${analysis.effort_hours} h<//>
        <${Fact} name="Parts">${analysis.parts.length}${uncovered.length > 0 && html`<small>, ${uncovered.length} not covered</small>`}<//>
      </dl>
      ${analysis.open_questions.length > 0 && html`<div class="reason tone-blocked gap-top"><h3>Open questions</h3><ul class="bullets">${analysis.open_questions.map((one) => html`<li key=${one}>${one}</li>`)}</ul></div>`}
      ${uncovered.length > 0 && html`<div class="reason tone-blocked gap-top"><h3>Would not be built</h3><ul class="bullets">${uncovered.map((part) => html`<li key=${part.id}>${part.text}<span class="note"> ${part.reason}</span></li>`)}</ul></div>`}
      <div class="two gap-top">
        <details class="fold" open><summary><h3>Parts of the requirement</h3></summary><ul class="bullets">${analysis.parts.filter((part) => part.covered).map((part) => html`<li key=${part.id}>${part.text}</li>`)}</ul></details>
        ${analysis.assumptions.length > 0 && html`<details class="fold" open><summary><h3>Assumed</h3></summary><ul class="bullets">${analysis.assumptions.map((one) => html`<li key=${one}>${one}</li>`)}</ul></details>`}
      </div>
    <//>
    <${Card} title="Team" note=${`blueprint ${team.blueprint}${plan.matches[0] ? `, fits with ${score(plan.matches[0].score)}` : ""}`}>
      <ul class="team">${team.members.map((member) => html`<li key=${member.role + member.component}><b>${sentence(member.persona)}</b><span class="note">${sentence(member.reason)}</span></li>`)}</ul>
      ${plan.matches.length > 1 && html`<details class="fold gap-top"><summary><h3>Why this blueprint</h3></summary>
        <${Scroll} label="Blueprints by fit"><table class="inner"><thead><tr><th>Blueprint</th><th class="right">Fit</th><th>Because</th></tr></thead><tbody>${plan.matches.map((match) => html`<tr key=${match.blueprint}><td><code>${match.blueprint}</code></td><td class="right">${score(match.score)}</td><td>${match.reasons.join("; ")}</td></tr>`)}</tbody></table><//></details>`}
    <//>
    <${Card} title="Contracts" note="agreed before the work starts; consumers begin against mocks made of them">
      <${Scroll} label="Contracts of the plan"><table class="inner"><thead><tr><th>Contract</th><th>Kind</th><th>Provider</th><th>Consumers</th><th class="right">Criteria</th></tr></thead>
      <tbody>${plan.contracts.map((contract) => html`<tr key=${contract.id}><td>${contract.name}</td><td>${words(contract.kind)}</td><td>${sentence(contract.provider)}</td><td>${contract.consumers.map(sentence).join(", ") || "–"}</td><td class="right">${contract.acceptance.length}</td></tr>`)}</tbody></table><//>
    <//>
    <${Card} title="Order of work" note=${`${count(plan.steps.length, "step")}; what stands in one line can run together`}>
      <${Waves} steps=${plan.steps} groups=${groups} /><//>`;
}

function Waves({ steps, groups }) {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const waves = groups.map((group) => group.filter((id) => byId.has(id))).filter((group) => group.length > 0);
  return html`<ol class="waves">${waves.map((group, at) => html`<li key=${at}><span class="wave-number num">${at + 1}</span>
    <span class="tags">${group.map((id) => html`<span class="tag" key=${id}>${byId.get(id).title || id}</span>`)}</span></li>`)}</ol>`;
}
