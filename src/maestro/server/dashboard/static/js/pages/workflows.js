// Workflows that were made known to the server: to be looked at and started with inputs.

import { get, getAll, post } from "../api.js";
import { count, digest, moment, scalar } from "../format.js";
import { html, useState } from "../html.js";
import { ask, attempt, say } from "../parts/dialog.js";
import { Card, Empty, Loaded, PageHead, Scroll } from "../parts/ui.js";
import { useResource } from "../resource.js";
import { go } from "../router.js";
import { may } from "../session.js";

export function WorkflowsPage() {
  const workflows = useResource(() => getAll("/workflows"), []);
  const add = () => ask({
    title: "Add a workflow",
    text: "Steps, conditions, retries, approvals, as YAML.",
    confirm: "Add",
    fields: [{ name: "source", label: "Workflow (YAML)", type: "textarea", rows: 12, required: true }],
    act: async ({ source }) => {
      const made = await post("/workflows", { source }, { start: true });
      say(`${made.name} was added`);
      await workflows.reload();
    },
  });
  return html`<${PageHead} title="Workflows" lead="Steps of your own on the engine that also drives builds.">
      ${may("workflow:write") && html`<button class="button" onClick=${add}>Add a workflow</button>`}<//>
    <${Loaded} from=${workflows}>${(items) => items.length === 0
      ? html`<${Card}><${Empty} title="No workflows yet">Add one, or run a file with <code>maestro workflows run FILE</code><//><//>`
      : html`<section class="card flush"><${Scroll} label="Workflows"><table class="cards"><thead><tr><th>Workflow</th><th class="right">Steps</th><th>Inputs</th><th>Added</th><th /></tr></thead>
        <tbody>${items.map((one) => html`<${Row} key=${`${one.project} ${one.name}`} workflow=${one} />`)}</tbody></table><//></section>`}<//>`;
}

function Row({ workflow }) {
  const [source, setSource] = useState(null);
  const look = async () => {
    if (source !== null) {
      setSource(null);
      return;
    }
    setSource(await attempt(async () => (await get(`/workflows/${workflow.name}`, { project: workflow.project })).source));
  };
  return html`<tr>
    <td class="wide"><b>${workflow.name}</b><div class="note"><code>${digest(workflow.digest)}</code>${workflow.project === "default" ? "" : ` · ${workflow.project}`}</div>
      ${source !== null && html`<${Scroll} label="Source"><pre class="code">${source}</pre><//>`}</td>
    <td class="right" data-name="Steps">${workflow.steps}</td>
    <td class="wide">${Object.keys(workflow.inputs).length === 0 ? html`<span class="faint">none</span>` : html`<span class="tags">${Object.keys(workflow.inputs).map((name) => html`<span class="tag" key=${name}>${name}</span>`)}</span>`}</td>
    <td class="nowrap note">${moment(workflow.created_at)}${workflow.created_by ? ` by ${workflow.created_by}` : ""}</td>
    <td class="right nowrap"><div class="actions end"><button class="button small" aria-expanded=${source === null ? "false" : "true"} onClick=${look}>${source === null ? "Source" : "Hide"}</button>
      ${may("run:create") && html`<button class="button small primary" onClick=${() => start(workflow)}>Start</button>`}</div></td>
  </tr>`;
}

const AS_JSON = new Set(["list", "object", "map"]);

function start(workflow) {
  const inputs = Object.entries(workflow.inputs);
  ask({
    title: `Start ${workflow.name}?`,
    text: `${count(workflow.steps, "step")}. It runs on this server's machine.`,
    confirm: "Start",
    fields: inputs.map(([name, spec]) => ({
      name,
      label: name,
      value: spec.default === undefined || spec.default === null ? "" : typeof spec.default === "string" ? spec.default : JSON.stringify(spec.default),
      hint: [spec.description, spec.type].filter(Boolean).map(scalar).join(" · "),
    })),
    act: async (answers) => {
      const given = Object.fromEntries(inputs.filter(([name]) => answers[name] !== "").map(([name, spec]) => [name, read(answers[name], spec.type)]));
      const run = await post(`/workflows/${workflow.name}/execute`, { inputs: given, project: workflow.project }, { start: true });
      say("The run has started");
      go(["runs", run.id]);
    },
  });
}

function read(text, type) {
  if (!type || type === "string") return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`“${text}” is not ${AS_JSON.has(type) ? "JSON" : `a ${type}`}: ${error.message}`);
  }
}
