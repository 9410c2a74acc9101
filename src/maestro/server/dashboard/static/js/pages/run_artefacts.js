// Everything that was delivered: to be looked at, compared between attempts, and saved.

import { get, getAll, getBlob, getText, save } from "../api.js";
import { bytes, count, digest, sentence } from "../format.js";
import { html, useState } from "../html.js";
import { attempt } from "../parts/dialog.js";
import { Icon } from "../parts/icons.js";
import { Choice, Empty, Loaded, Scroll, Search } from "../parts/ui.js";
import { useResource } from "../resource.js";
import { amend, route } from "../router.js";

const MOST_TEXT = 400_000;

export function ArtefactsTab({ store, run }) {
  const artefacts = useResource(() => getAll(`/runs/${run.id}/artefacts`, { limit: 1000 }, 20_000), [run.id], store.version.value);
  const { persona = "", file = "", q = "" } = route.value.query;
  return html`<${Loaded} from=${artefacts} lines=${8}>${(items) => {
    if (items.length === 0) return html`<${Empty} title="Nothing has been delivered yet" />`;
    const latest = latestOf(items);
    const personas = [...new Set(latest.map((one) => one.persona).filter(Boolean))];
    const needle = q.toLowerCase();
    const shown = latest.filter((one) => (!persona || one.persona === persona) && (!needle || one.path.toLowerCase().includes(needle)));
    const chosen = latest.find((one) => keyOf(one) === file);
    const total = shown.reduce((sum, one) => sum + one.size, 0);
    return html`<div class="row">
        <${Search} label="Search paths" value=${q} onSearch=${(text) => amend({ q: text })} />
        <select aria-label="Persona" value=${persona} onChange=${(event) => amend({ persona: event.target.value, file: "" })}>
          <option value="">All personas</option>${personas.map((id) => html`<option key=${id} value=${id} selected=${id === persona}>${sentence(id)}</option>`)}</select>
        <span class="note num">${count(shown.length, "file")}, ${bytes(total)}</span>
      </div>
      <div class="browser">
        <section class="card flush tree" aria-label="Files"><${Scroll} label="Files" class="tree-scroll">${groups(shown).map(([owner, files]) => html`<div key=${owner}>
          <h3 class="tree-owner">${owner ? sentence(owner) : "Application"}</h3>
          <ul>${files.map((one) => html`<li key=${keyOf(one)}><button class=${`tree-file${chosen && keyOf(chosen) === keyOf(one) ? " chosen" : ""}`} aria-pressed=${chosen === one ? "true" : "false"} onClick=${() => amend({ file: keyOf(one) })}>
            <span class="break">${one.path}</span><span class="note num">${bytes(one.size)}</span></button></li>`)}</ul></div>`)}<//></section>
        <section class="card flush viewer">${chosen
          ? html`<${Viewer} key=${keyOf(chosen)} run=${run} artefact=${chosen} all=${items} />`
          : html`<${Empty} title="Choose a file">Its text is shown here, with what changed between attempts.<//>`}</section>
      </div>`;
  }}<//>`;
}

function keyOf(one) {
  return `${one.step_id}:${one.path}`;
}

/** Of every file its last attempt. */
export function latestOf(items) {
  const latest = new Map();
  for (const one of items) {
    const before = latest.get(keyOf(one));
    if (!before || before.attempt <= one.attempt) latest.set(keyOf(one), one);
  }
  return [...latest.values()].sort((a, b) => a.path.localeCompare(b.path));
}

/** What the server takes as the name in its headers; the file is saved by its real one. */
function safeName(name) {
  return name.replace(/[^A-Za-z0-9._@-]/g, "_").slice(-200);
}

function groups(items) {
  const by = new Map();
  for (const one of items) by.set(one.persona ?? "", [...(by.get(one.persona ?? "") ?? []), one]);
  return [...by].sort((a, b) => a[0].localeCompare(b[0]));
}

function Viewer({ run, artefact, all }) {
  const attempts = [...new Set(all.filter((one) => one.step_id === artefact.step_id).map((one) => one.attempt))].sort((a, b) => a - b);
  const [view, setView] = useState("text");
  const name = artefact.path.split("/").at(-1);
  const query = { name: safeName(name) };
  const large = artefact.size > MOST_TEXT;
  const text = useResource(() => (large ? Promise.resolve("") : getText(`/runs/${run.id}/artefacts/${artefact.digest}`, query)), [artefact.digest]);
  const download = () => attempt(async () => save(await getBlob(`/runs/${run.id}/artefacts/${artefact.digest}`, query), name));
  return html`<header class="viewer-head">
      <div><h2 class="break">${artefact.path}</h2><p class="note">${artefact.persona ? `${sentence(artefact.persona)}, attempt ${artefact.attempt}, ` : ""}${bytes(artefact.size)} · <code>${digest(artefact.digest)}</code></p></div>
      <div class="actions">${attempts.length > 1 && html`<${Choice} label="Show" value=${view} onChoose=${setView} options=${[["text", "Text"], ["diff", "Changes"]]} />`}
        <button class="button small" onClick=${download}><${Icon} name="download" size=${13} />Download</button></div>
    </header>
    ${view === "diff"
      ? html`<div class="viewer-body"><${Comparison} run=${run} step=${artefact.step_id} attempts=${attempts} path=${artefact.path} /></div>`
      : html`<${Loaded} from=${text} lines=${6}>${(told) => {
          if (large) return html`<${Empty} title="Too large to be shown here">Download it to look at it.<//>`;
          if (told.includes("\u0000")) return html`<${Empty} title="This is not text">Download it to look at it.<//>`;
          return html`<${Scroll} label=${artefact.path} class="viewer-scroll"><${Numbered} text=${told} /><//>`;
        }}<//>`}`;
}

function Numbered({ text }) {
  const lines = text.replace(/\n$/, "").split("\n");
  return html`<pre class="numbered"><code class="gutter" aria-hidden="true">${lines.map((_, at) => at + 1).join("\n")}</code><code>${lines.join("\n")}</code></pre>`;
}

/** Two attempts that delivered something, chosen and compared; first the last two. */
export function Comparison({ run, step, attempts, path = null }) {
  const [pair, setPair] = useState(attempts.slice(-2));
  const choose = (at) => (event) => {
    const next = [...pair];
    next[at] = Number(event.target.value);
    setPair(next);
  };
  const [from, to] = pair;
  return html`<div class="stack-small">
    ${attempts.length > 2 && html`<p class="row note">${["From attempt", "to attempt"].map((label, at) => html`<label key=${label} class="row">${label}<select value=${pair[at]} onChange=${choose(at)}>${attempts.map((number) => html`<option key=${number} value=${number} selected=${number === pair[at]}>${number}</option>`)}</select></label>`)}</p>`}
    ${from === to ? html`<p class="note">Choose two different attempts.</p>` : html`<${AttemptDiff} run=${run} step=${step} from=${from} to=${to} path=${path} />`}</div>`;
}

/** What changed in the files of a step between two of its attempts. */
function AttemptDiff({ run, step, from, to, path = null }) {
  const compared = useResource(() => get(`/runs/${run.id}/diff`, { step, from, to }), [run.id, step, from, to]);
  return html`<${Loaded} from=${compared} lines=${3}>${({ items: every }) => {
    const items = path ? every.filter((one) => one.path === path) : every;
    if (items.length === 0) return html`<p class="note">${path ? "This file is" : "All files are"} the same in attempts ${from} and ${to}.</p>`;
    return html`<div class="stack-small">${items.map((one) => html`<div key=${one.path} class="diff-file">
    <p class="row"><code class="break">${one.path}</code><span class="tag">${one.change}</span></p>
    ${one.diff === null ? html`<p class="note">Not text, or too large to be compared here.</p>` : html`<${Diff} text=${one.diff} />`}</div>`)}</div>`;
  }}<//>`;
}

const MARKS = { "+": "added", "-": "removed", "@": "hunk" };

function Diff({ text }) {
  const lines = text.split("\n").filter((line) => !line.startsWith("--- ") && !line.startsWith("+++ "));
  return html`<${Scroll} label="Differences" class="diff-scroll"><pre class="diff">${lines.map((line, at) => html`<span key=${at} class=${`diff-line ${MARKS[line[0]] ?? ""}`}>${line || " "}\n</span>`)}</pre><//>`;
}
