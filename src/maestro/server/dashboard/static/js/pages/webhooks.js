// Whom the server tells of events, and what became of each delivery.

import { getAll, post, remove } from "../api.js";
import { count, moment } from "../format.js";
import { html, signal, useEffect, useState } from "../html.js";
import { ask, attempt, say } from "../parts/dialog.js";
import { Listed } from "../parts/listed.js";
import { Status } from "../parts/status.js";
import { Card, Choice, Empty, Fact, Loaded, Scroll } from "../parts/ui.js";
import { useEvery, useGrowing, useResource } from "../resource.js";
import { href } from "../router.js";
import { projectsWith } from "../session.js";

/** A secret is told once: it is shown until it is put away, and kept nowhere. */
const told = signal(null);

async function everyWebhook() {
  const projects = await projectsWith("webhook:manage");
  const found = await Promise.all(projects.map((project) => getAll("/webhooks", { project })));
  return { projects, items: found.flat() };
}

export function WebhooksTab() {
  const webhooks = useResource(everyWebhook, []);
  useEvery(5000, webhooks.reload);
  useEffect(() => () => { told.value = null; }, []);
  const add = (projects) => ask({
    title: "Tell another server",
    text: "Each event is sent by POST, signed as Standard Webhooks asks, and sent again until it is taken.",
    confirm: "Add",
    fields: [
      { name: "url", label: "Address", type: "url", required: true, placeholder: "an https address" },
      { name: "kinds", label: "Events", placeholder: "run.*, step.failed", hint: "Kinds, with commas between them; none means all." },
      ...(projects.length > 1 ? [{ name: "project", label: "Project", type: "select", value: projects.includes("default") ? "default" : projects[0], options: projects.map((id) => [id, id]) }] : []),
    ],
    act: async ({ url, kinds, project }) => {
      const named = kinds.split(",").map((word) => word.trim()).filter(Boolean);
      const made = await post("/webhooks", { url: url.trim(), kinds: named, project: project ?? projects[0] }, { start: true });
      told.value = { url: made.url, secret: made.secret };
      await webhooks.reload();
    },
  });
  return html`<${Secret} /><${Loaded} from=${webhooks} lines=${4}>${({ projects, items }) => html`
    <div class="row"><button class="button" onClick=${() => add(projects)}>Add a webhook</button></div>
    ${items.length === 0 && html`<${Card}><${Empty} title="Nobody is told">A webhook tells another server of events as they happen.<//><//>`}
    ${items.map((one) => html`<${Webhook} key=${one.id} hook=${one} reload=${webhooks.reload} />`)}`}<//>`;
}

function Secret() {
  const shown = told.value;
  if (!shown) return null;
  return html`<section class="attention tone-awaiting" aria-label="Secret"><div><h2>The secret of ${shown.url}</h2><p>It is told now and never again; whoever listens there checks signatures with it.</p>
    <p class="gap-small"><code class="break secret">${shown.secret}</code></p></div>
    <div class="actions"><button class="button small" onClick=${() => { told.value = null; }}>I have kept it</button></div></section>`;
}

function Webhook({ hook, reload }) {
  const [open, setOpen] = useState(false);
  const { waiting, delivered, dead } = hook.deliveries;
  const act = (title, text, confirm, run, danger = false) => ask({ title, text, confirm, danger, act: async () => { await run(); await reload(); } });
  const rotate = () => act("Make another secret?", "Deliveries are signed with both for a day, so that the receiver can change over.", "Make it", async () => {
    const answer = await post(`/webhooks/${hook.id}/rotate`, {});
    told.value = { url: hook.url, secret: answer.secret };
  });
  const drop = () => act("Remove this webhook?", "What it was still to be told is dropped.", "Remove", () => remove(`/webhooks/${hook.id}`), true);
  const again = () => act(`Send ${count(dead, "delivery", "deliveries")} again?`, "Each keeps its id, so that the receiver can tell that it knows it.", "Send again", async () => {
    const answer = await post(`/webhooks/${hook.id}/redeliver`, {});
    say(`${count(answer.redelivered, "delivery", "deliveries")} will be sent again`);
  });
  return html`<${Card} title=${hook.url} class="webhook" note=${`${hook.project}${hook.run ? `, only ${hook.run}` : ""}`} actions=${html`<div class="actions">
      ${dead > 0 && html`<button class="button small primary" onClick=${again}>Send again</button>`}<button class="button small" onClick=${rotate}>New secret</button><button class="button small danger" onClick=${drop}>Remove</button></div>`}>
    <dl class="facts"><${Fact} name="Delivered">${delivered}<//><${Fact} name="Waiting">${waiting}<//><${Fact} name="Given up">${dead > 0 ? html`<${Status} status="failed" word=${String(dead)} quiet />` : dead}<//><${Fact} name="Added">${moment(hook.created_at)}<small> by ${hook.created_by}</small><//></dl>
    <p class="tags gap-small">${hook.kinds.length === 0 ? html`<span class="tag">every event</span>` : hook.kinds.map((kind) => html`<span class="tag" key=${kind}>${kind}</span>`)}</p>
    ${hook.rotating_until && html`<p class="note gap-small">Signed with the secret of before, too, until ${moment(hook.rotating_until)}.</p>`}
    <details class="fold gap-small" onToggle=${(event) => setOpen(event.target.open)}><summary><span class="note">Deliveries</span></summary>${open && html`<${Deliveries} hook=${hook} />`}</details><//>`;
}

const SHOWN = { waiting: "waiting", delivered: "succeeded", dead: "failed" };
const WORDS = { waiting: "Waiting", delivered: "Delivered", dead: "Given up" };
const FILTERS = [["", "All"], ["waiting", "Waiting"], ["delivered", "Delivered"], ["dead", "Given up"]];

function Deliveries({ hook }) {
  const [status, setStatus] = useState("");
  const list = useGrowing(`/webhooks/${hook.id}/deliveries`, { status, limit: 20 }, { idOf: (one) => one.number, version: JSON.stringify(hook.deliveries) });
  const again = (one) => attempt(async () => {
    await post(`/webhooks/${hook.id}/deliveries/${one.number}/redeliver`, {});
    say("It will be sent again");
    await list.refresh();
  });
  return html`<div class="stack-small"><${Choice} label="Deliveries" options=${FILTERS} value=${status} onChoose=${setStatus} />
    <${Listed} list=${list} lines=${3} more="Show older ones">${(items) => items.length === 0
      ? html`<p class="note">None.</p>`
      : html`<${Scroll} label="Deliveries"><table class="inner cards"><thead><tr><th>When</th><th>Event</th><th>State</th><th>Answer</th><th /></tr></thead>
        <tbody>${items.map((one) => html`<tr key=${one.number}><td class="nowrap note">${moment(one.at)}</td><td class="wide"><code>${one.kind}</code> <a href=${href(["runs", one.run_id])}><code>${one.run_id}</code></a></td>
          <td class="nowrap"><${Status} status=${SHOWN[one.status]} word=${WORDS[one.status]} quiet /> <span class="note num">${count(one.attempts, "attempt")}</span></td>
          <td class="wide note break">${[one.answer, one.error].filter(Boolean).join(" ") || "–"}</td><td class="right">${one.status !== "waiting" && html`<button class="button small" onClick=${() => again(one)}>Send again</button>`}</td></tr>`)}</tbody></table><//>`}<//></div>`;
}
