// Who can work: each agent with what it may play, how much it can take and how it has done; what
// is with whom at this moment, what waits, and what is given nothing for a while.

import { get, post, remove } from "../api.js";
import { count, duration, grouped, percent, secondsBetween, sentence } from "../format.js";
import { html } from "../html.js";
import { ask, say } from "../parts/dialog.js";
import { Status } from "../parts/status.js";
import { Bar, Card, Empty, Fact, Loaded, PageHead, Scroll } from "../parts/ui.js";
import { useEvery, useResource } from "../resource.js";
import { href } from "../router.js";
import { mayEverywhere, now } from "../session.js";
import { Circuits, circuitWord, isShut, Pools, Waiting } from "./agents_demand.js";

const EVERY_MS = 2000;

export function AgentsPage() {
  const team = useResource(() => get("/agents"), []);
  const work = useResource(() => get("/workload"), []);
  useEvery(EVERY_MS, () => {
    team.reload();
    work.reload();
  });
  return html`<${PageHead} title="Agents" lead="Who plays the personas, how much is with whom at this moment, and what waits for them.">
      ${mayEverywhere("agent:write") && html`<button class="button" onClick=${() => add(team.reload)}>Add an agent</button>`}<//>
    <${Loaded} from=${team} lines=${7}>${(told) => html`<${Load} told=${told} />
      <${Waiting} queues=${told.queues} capabilities=${told.capabilities} />
      <${Circuits} circuits=${told.circuits} />
      ${told.items.length === 0 ? html`<${Card}><${Empty} title="No agents" /><//>` : told.items.map((one) => html`<${Agent} key=${one.id} agent=${one} circuits=${told.circuits} reload=${team.reload} />`)}
      <${Pools} pools=${told.pools} events=${told.pool_events} />`}<//>
    <${Loaded} from=${work} lines=${3}>${({ items }) => html`<${Work} items=${items} />`}<//>`;
}

const sum = (numbers) => numbers.reduce((whole, one) => whole + one, 0);

/** Places: those of the agents that are given work, and those that others still have work in. */
function Load({ told }) {
  const { items, queues, circuits, totals } = told;
  const busy = sum(items.map((one) => one.in_hand));
  const places = sum(items.map((one) => (one.health === "ready" ? Math.max(one.capacity, one.in_hand) : one.in_hand)));
  const waiting = sum(queues.map((one) => one.waiting));
  const shut = new Set(circuits.filter(isShut).map((one) => one.name)).size;
  const ended = totals.succeeded + totals.failed;
  return html`<${Card} class="load"><dl class="facts">
      <${Fact} name="In hand">${busy}<small> of ${count(places, "place")}</small><//>
      <${Fact} name="Waiting for an agent">${waiting}${waiting > 0 && html`<small>, the oldest ${duration(Math.max(...queues.map((one) => one.oldest_seconds)))}</small>`}<//>
      <${Fact} name="Agents ready">${items.filter((one) => one.health === "ready").length}<small> of ${items.length}</small><//>
      <${Fact} name="Circuits">${shut === 0 ? "all closed" : html`${shut}<small> not closed</small>`}<//>
    </dl>
    <div class="gap-small"><${Bar} label=${`${busy} of ${count(places, "place")} taken`} parts=${[{ tone: "running", value: busy }, { tone: "idle", value: places - busy }]} /></div>
    <dl class="facts small gap-top">
      <${Fact} name="Assignments given so far">${grouped(totals.given)}<//>
      <${Fact} name="Succeeded">${grouped(totals.succeeded)}${ended > 0 && html`<small>, ${percent((100 * totals.succeeded) / ended)}</small>`}<//>
      <${Fact} name="Failed">${grouped(totals.failed)}<//>
      <${Fact} name="Given to another after a failure">${totals.rerouted}<//>
      <${Fact} name="Nobody could do">${totals.refused}<//>
      ${totals.given > 0 && html`<${Fact} name="Mean wait for a place">${duration(totals.waited_seconds / totals.given)}<//>`}
    </dl><//>`;
}

const HEALTH = { ready: "succeeded", draining: "waiting", away: "blocked" };

function Agent({ agent, circuits, reload }) {
  const ended = agent.done + agent.failed;
  const busy = agent.in_hand;
  const shut = circuits.find((one) => one.name === `agent:${agent.id}` && isShut(one));
  return html`<${Card} title=${agent.id} note=${agent.executor === "offline" ? "works from rules and templates; no model is called" : agent.model ?? agent.address ?? agent.executor} actions=${mayEverywhere("agent:write") && html`<${Changes} agent=${agent} reload=${reload} />`}>
    <dl class="facts">
      <${Fact} name="Health"><${Status} status=${HEALTH[agent.health] ?? "idle"} word=${sentence(agent.health)} quiet /><//>
      ${shut && html`<${Fact} name="Circuit"><${Status} status=${shut.state === "open" ? "failed" : "waiting"} word=${circuitWord(shut)} quiet /><//>`}
      <${Fact} name="Load">${busy}<small> of ${agent.capacity}${busy === 0 ? ", idle" : ""}</small><//>
      <${Fact} name="Done">${agent.done}<small> of ${ended}</small><//>
      ${ended > 0 && html`<${Fact} name="Success">${percent((100 * agent.done) / ended)}<//>`}
      ${agent.seconds !== null && html`<${Fact} name="Time, smoothed">${duration(agent.seconds)}<//>`}
      ${agent.executor !== "offline" && html`<${Fact} name="Cost of a step">${agent.cost === null ? "unknown" : `$${agent.cost}`}<//>`}
      ${agent.region !== "local" && html`<${Fact} name="Data goes to">${agent.region}<//>`}
    </dl>
    <div class="gap-small"><${Bar} label=${`${busy} of ${count(agent.capacity, "place")} taken`} parts=${[{ tone: "running", value: busy }, { tone: "idle", value: Math.max(0, agent.capacity - busy) }]} /></div>
    <details class="fold gap-small"><summary><span class="note">Plays ${count(agent.personas.length, "persona")}</span></summary><p class="tags">${agent.personas.map((id) => html`<span class="tag" key=${id}>${sentence(id)}</span>`)}</p></details>
  <//>`;
}

function Changes({ agent, reload }) {
  const draining = agent.state === "draining";
  const change = (title, text, confirm, run, danger = false) => ask({ title, text, confirm, danger, act: async () => { await run(); say("Done"); await reload(); } });
  const drain = () => change(`Drain ${agent.id}?`, "It ends what it has and is given nothing more until you give it work again.", "Drain", () => post(`/agents/${agent.id}/drain`, {}));
  const undrain = () => change(`Give ${agent.id} work again?`, "It is chosen again as before.", "Give work again", () => post(`/agents/${agent.id}/drain`, { undo: true }));
  const drop = () => change(`Remove ${agent.id}?`, "It leaves the registry; what it has in hand it may still end.", "Remove", () => remove(`/agents/${agent.id}`), true);
  return html`<div class="actions"><button class="button small" onClick=${draining ? undrain : drain}>${draining ? "Give work again" : "Drain"}</button>
    ${agent.id !== "offline" && html`<button class="button small danger" onClick=${drop}>Remove</button>`}</div>`;
}

function add(reload) {
  ask({
    title: "Add an agent",
    text: "One that works from templates, or one played by a model of a provider. Others are added with maestro agents add on the server's machine.",
    confirm: "Add",
    fields: [
      { name: "id", label: "Name", required: true, placeholder: "claude-backend" },
      { name: "model", label: "Model", placeholder: "anthropic:NAME", hint: "Empty: it works from templates." },
      { name: "personas", label: "Personas", required: true, placeholder: "backend_developer, qa_engineer", hint: "With commas between them." },
      { name: "capacity", label: "Places", type: "number", min: 1, step: 1, value: "1", required: true },
      { name: "cost", label: "US dollars per step", type: "number", min: 0, step: "any", hint: "Empty: unknown." },
    ],
    act: async ({ id, model, personas, capacity, cost }) => {
      const named = personas.split(",").map((word) => word.trim()).filter(Boolean);
      await post("/agents", { id: id.trim(), executor: model.trim() ? "llm" : "offline", model: model.trim() || null, personas: named, capacity: Number(capacity), cost: cost === "" ? null : Number(cost) }, { start: true });
      say(`${id} was added`);
      await reload();
    },
  });
}

const WORDS = { running: "At work", ready: "Waits for a place", waiting: "Waits to retry" };

function Work({ items }) {
  if (items.length === 0) return html`<${Card} title="Steps of your runs"><p class="muted">None is at work, and none waits.</p><//>`;
  return html`<${Card} title="Steps of your runs" class="flush"><${Scroll} label="Work now"><table class="cards"><thead><tr><th>Step</th><th>State</th><th>Agent</th><th>Run</th><th class="right">Since</th></tr></thead>
    <tbody>${items.map((one) => html`<tr key=${`${one.run_id} ${one.step_id}`}><td class="wide"><a href=${href(["runs", one.run_id, "steps"], { step: one.step_id })}>${one.title}</a>${one.attempt > 1 && html` <span class="note">attempt ${one.attempt}</span>`}</td>
      <td><${Status} status=${one.status} word=${WORDS[one.status]} quiet /></td><td>${one.agent ? html`<code>${one.agent}</code>` : html`<span class="faint">not chosen</span>`}</td>
      <td><code class="note">${one.run_id}</code>${one.project === "default" ? "" : html` <span class="note">${one.project}</span>`}</td>
      <td class="right nowrap num">${one.since ? duration(secondsBetween(one.since, null, now.value)) : ""}</td></tr>`)}</tbody></table><//><//>`;
}
