// Projects: what runs in them, what they may spend and have spent, and what they share.

import { get, post, put, remove } from "../api.js";
import { UNKNOWN, count, grouped, money, sentence } from "../format.js";
import { html } from "../html.js";
import { ask, say } from "../parts/dialog.js";
import { tone } from "../parts/status.js";
import { Bar, Card, Empty, Fact, Loaded } from "../parts/ui.js";
import { useResource } from "../resource.js";
import { href } from "../router.js";
import { mayEverywhere, mayIn } from "../session.js";

export function ProjectsTab() {
  const projects = useResource(() => get("/projects"), []);
  return html`<${Loaded} from=${projects}>${({ items }) => items.length === 0
    ? html`<${Card}><${Empty} title="No projects yet">A project is there with its first run.<//><//>`
    : items.map((one) => html`<${Project} key=${one.id} id=${one.id} runs=${one.runs} />`)}<//>`;
}

const ORDER = ["succeeded", "running", "pending", "paused", "blocked", "failed", "cancelled"];

function Project({ id, runs }) {
  const project = useResource(() => get(`/projects/${id}`), [id]);
  return html`<${Loaded} from=${project} lines=${3}>${(told) => html`<${Card} title=${id} actions=${html`<div class="actions">
      ${mayEverywhere("budget:manage") && html`<button class="button small" onClick=${() => setBudget(told, project.reload)}>Set the budget</button>`}
      ${mayIn("share:manage", id) && html`<button class="button small" onClick=${() => share(told, project.reload)}>Share something</button>`}</div>`}>
    <dl class="facts"><${Fact} name="Runs"><a href=${href(["runs"], { project: id })}>${total(runs)}</a><//>
      <${Spent} name="Model calls" spent=${told.spent.model_calls} /><${Spent} name="Model cost" spent=${told.spent.unknown > 0 ? null : told.spent.cost} limit=${told.budget.cost} show=${money} />
      <${Spent} name="Tokens" spent=${told.spent.tokens} limit=${told.budget.tokens} /></dl>
    <div class="gap-small"><${Bar} label=${ORDER.filter((name) => runs[name]).map((name) => `${runs[name]} ${name}`).join(", ") || "no runs"} parts=${tones(runs)} /></div>
    ${told.spent.unknown > 0 && html`<p class="note gap-small">What ${count(told.spent.unknown, "call")} of models cost is unknown; at least ${money(told.spent.cost)} was spent.</p>`}
    <${Shares} title="Shares" shares=${told.shares} side="with" end=${mayIn("share:manage", id) && ((one) => unshare(id, one, project.reload))} />
    <${Shares} title="Is given" shares=${told.received} side="project" />
  <//>`}<//>`;
}

const total = (runs) => Object.values(runs).reduce((sum, number) => sum + number, 0);

/** Statuses of one colour are one stretch of the bar. */
function tones(runs) {
  const by = new Map();
  for (const name of ORDER) by.set(tone(name), (by.get(tone(name)) ?? 0) + (runs[name] ?? 0));
  return [...by].map(([name, value]) => ({ tone: name, value }));
}

function Spent({ name, spent, limit, show = grouped }) {
  return html`<${Fact} name=${name}>${spent === null ? UNKNOWN : show(spent)}${limit !== undefined && html`<small>${limit === null ? ", no limit" : ` of ${show(limit)}`}</small>`}<//>`;
}

function Shares({ title, shares, side, end }) {
  if (shares.length === 0) return null;
  return html`<div class="gap-top"><h3>${title}</h3><ul class="bullets gap-small">${shares.map((one) => html`<li key=${one.id}>${sentence(one.kind)} <code>${one.name}</code> <span class="note">${side === "with" ? "with" : "by"} ${one[side]}</span>${end && html` <button class="plain" onClick=${() => end(one)}>Take it back</button>`}</li>`)}</ul></div>`;
}

function share(project, reload) {
  ask({
    title: `Share something of ${project.id}`,
    text: "Runs of the other project can use it, and nobody there can change it.",
    confirm: "Share",
    fields: [
      { name: "kind", label: "What", type: "select", value: "contract", options: [["contract", "A contract"], ["workflow", "A workflow"]] },
      { name: "name", label: "Its name", required: true },
      { name: "with", label: "With project", required: true },
    ],
    act: async (answers) => {
      await post(`/projects/${project.id}/shares`, answers, { start: true });
      say("It is shared");
      await reload();
    },
  });
}

function unshare(project, one, reload) {
  ask({
    title: `Take ${one.name} back?`,
    text: `Project ${one.with} cannot use it any more, at once.`,
    confirm: "Take it back",
    danger: true,
    act: async () => {
      await remove(`/projects/${project}/shares/${one.id}`);
      say("It is not shared any more");
      await reload();
    },
  });
}

function setBudget(project, reload) {
  const { cost, tokens } = project.budget;
  ask({
    title: `Budget of ${project.id}`,
    text: "When it is used up, no more calls to models are made in this project. Empty means no limit.",
    confirm: "Set",
    fields: [
      { name: "cost", label: "US dollars", type: "number", min: 0, step: "any", value: cost === null ? "" : String(cost) },
      { name: "tokens", label: "Tokens", type: "number", min: 1, step: 1, value: tokens === null ? "" : String(tokens) },
    ],
    act: async (answers) => {
      await put(`/projects/${project.id}/budget`, { cost: answers.cost === "" ? null : Number(answers.cost), tokens: answers.tokens === "" ? null : Number(answers.tokens) });
      say("The budget was set");
      await reload();
    },
  });
}
