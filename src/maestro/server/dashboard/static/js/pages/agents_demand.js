// What agents are wanted for: what waits for them, who is given nothing for a while, and the pools
// whose agents come and go with the demand.

import { clock, count, duration, moment, sentence } from "../format.js";
import { html } from "../html.js";
import { Status } from "../parts/status.js";
import { Bar, Card, Scroll } from "../parts/ui.js";

const waited = (one) => (one.waiting > 0 ? duration(one.oldest_seconds) : "–");

export function Waiting({ queues, capabilities }) {
  return html`${queues.length > 0 && html`<${Card} title="Waits for an agent" class="flush"><${Scroll} label="Waits for an agent"><table class="cards"><thead><tr><th>Persona</th><th>Must know</th><th>Failed at it before</th><th>Asked in</th><th class="right">Waiting</th><th class="right">Oldest</th></tr></thead>
      <tbody>${queues.map((one) => html`<tr key=${`${one.process} ${one.persona} ${one.languages} ${one.left_out}`}><td class="wide"><b>${sentence(one.persona)}</b></td>
        <td data-name="Must know">${one.languages.join(", ") || html`<span class="faint">nothing in particular</span>`}</td>
        <td data-name="Failed before">${one.left_out.length > 0 ? html`<code>${one.left_out.join(", ")}</code>` : html`<span class="faint">nobody</span>`}</td>
        <td class="wide"><code class="note break">${one.process}</code></td>
        <td class="right" data-name="Waiting">${one.waiting}</td><td class="right nowrap" data-name="Oldest">${waited(one)}</td></tr>`)}</tbody></table><//><//>`}
    ${capabilities.length > 0 && html`<${Card} title="Steps for workers" class="flush"><${Scroll} label="Steps for workers"><table class="cards"><thead><tr><th>Capability</th><th class="right">At work</th><th class="right">Waiting</th><th class="right">Oldest</th></tr></thead>
      <tbody>${capabilities.map((one) => html`<tr key=${one.capability}><td class="wide"><code>${one.capability}</code></td><td class="right" data-name="At work">${one.in_hand}</td>
        <td class="right" data-name="Waiting">${one.waiting}</td><td class="right nowrap" data-name="Oldest">${waited(one)}</td></tr>`)}</tbody></table><//><//>`}`;
}

/** Whether it keeps work away: a few failures alone do not. */
export const isShut = (circuit) => circuit.state !== "closed";

export function circuitWord({ state, open_seconds: seconds }) {
  if (state === "open") return `Open, for ${duration(seconds)} more`;
  return state === "half-open" ? "Half-open: one to show" : "Closed";
}

const SHUT = { open: "failed", "half-open": "waiting", closed: "succeeded" };

export function Circuits({ circuits }) {
  if (circuits.length === 0) return null;
  return html`<${Card} title="Failed last" note="After some failures in a row a circuit opens: nothing is given for a while, then one assignment to show." class="flush"><${Scroll} label="Circuits"><table class="cards"><thead><tr><th>Who</th><th>Circuit</th><th class="right">Failures in a row</th><th>Seen by</th></tr></thead>
    <tbody>${circuits.map((one) => {
      const [kind, ...name] = one.name.split(":");
      return html`<tr key=${`${one.process} ${one.name}`}><td class="wide">${sentence(kind)} <code>${name.join(":")}</code></td>
        <td><${Status} status=${SHUT[one.state] ?? "idle"} word=${circuitWord(one)} quiet /></td><td class="right" data-name="Failures">${one.failures}</td>
        <td class="wide"><code class="note break">${one.process}</code></td></tr>`;
    })}</tbody></table><//><//>`;
}

export function Pools({ pools, events }) {
  if (pools.length === 0) {
    return html`<${Card} title="Pools"><p class="muted">None. <code>maestro agents scale</code> starts agents when steps wait and ends them when nothing is to do.</p><//>`;
  }
  return html`${pools.map((one) => html`<${Pool} key=${one.pool.capability} record=${one} events=${events.filter((event) => event.capability === one.pool.capability)} />`)}`;
}

function Pool({ record, events }) {
  const { pool, agents, demand } = record;
  const past = [[record.started, "started"], [record.ended, "ended"], [record.lost, "lost"], [record.start_failed, "did not start"]].filter(([number]) => number > 0);
  return html`<${Card} title=${`Pool ${pool.capability}`} note=${record.kept ? `kept by ${record.keeper}` : "kept by nobody: its keeper gave no sign any more"}>
    <dl class="facts">
      <div class="fact"><dt>Agents now</dt><dd class="num">${agents}<small>, at least ${pool.min}, at most ${pool.max}</small></dd></div>
      <div class="fact"><dt>Steps at work</dt><dd class="num">${demand.in_hand}</dd></div>
      <div class="fact"><dt>Steps waiting</dt><dd class="num">${demand.waiting}${demand.waiting > 0 && html`<small>, the oldest ${duration(demand.oldest_seconds)}</small>`}</dd></div>
      <div class="fact"><dt>So far</dt><dd class="num">${past.length === 0 ? "nothing" : past.map(([number, word]) => `${number} ${word}`).join(", ")}</dd></div>
    </dl>
    <div class="gap-small"><${Bar} label=${`${agents} of at most ${count(pool.max, "agent")}`} parts=${[{ tone: "running", value: agents }, { tone: "idle", value: Math.max(0, pool.max - agents) }]} /></div>
    ${record.trouble && !events.some((event) => event.data.reason === record.trouble) && html`<p class="reason tone-failed gap-small break">${record.trouble}</p>`}
    ${events.length > 0 && html`<div class="gap-top"><h3>Last decisions</h3><ul class="decisions gap-small">${events.map((event) => html`<li key=${`${event.at} ${event.kind} ${event.agent}`}>
      <time class="note nowrap num" datetime=${event.at} title=${moment(event.at)}>${clock(event.at)}</time><${Status} status=${TONES[event.kind] ?? "idle"} word=${WORDS[event.kind] ?? event.kind} quiet />
      <span class="break">${event.agent ? html`<code>${event.agent}</code> ` : ""}<span class="note">${why(event)}</span></span></li>`)}</ul></div>`}
  <//>`;
}

const WORDS = { "pool.taken": "Kept", "pool.left": "Left", "agent.started": "Started", "agent.ready": "Ready", "agent.ended": "Ended", "agent.lost": "Lost", "agent.start_failed": "Did not start" };
const TONES = { "agent.started": "pending", "agent.ready": "succeeded", "agent.lost": "failed", "agent.start_failed": "failed" };

function why({ kind, keeper, data }) {
  if (kind === "pool.taken") return `by ${keeper}`;
  if (kind === "pool.left") return `by ${keeper}: nobody keeps it now`;
  if (kind === "agent.started") return data.waiting > 0 ? `${count(data.waiting, "step")} waited` : "to have the least number of agents";
  if (kind === "agent.ready") return `after ${duration(data.seconds)}`;
  const again = data.retry_seconds ? `; the next try in ${duration(data.retry_seconds)}` : "";
  return `${data.reason ?? (kind === "agent.ended" ? "" : "why is told who may change agents")}${again}`;
}
