// The contract board: who provides what to whom, what stood in meanwhile, and whether it is kept.

import { getAll } from "../api.js";
import { UNKNOWN, clock, count, digest, duration, sentence, words } from "../format.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { matrix } from "../matrix.js";
import { Icon } from "../parts/icons.js";
import { Status } from "../parts/status.js";
import { Card, Empty, Fact, Loaded, Scroll } from "../parts/ui.js";
import { useResource } from "../resource.js";
import { amend, href, route } from "../router.js";

export function ContractsTab({ store, run }) {
  const contracts = useResource(() => getAll(`/runs/${run.id}/contracts`), [run.id], store.version.value);
  const { contract: asked } = route.value.query;
  return html`<${Loaded} from=${contracts} lines=${8}>${(items) => {
    if (items.length === 0) return html`<${Empty} title="No contracts yet">They are designed while the run is planned.<//>`;
    const chosen = items.find((one) => one.id === asked);
    return html`<${Board} items=${items} chosen=${chosen} />
      ${chosen && html`<${Detail} key=${chosen.id} contract=${chosen} />`}`;
  }}<//>`;
}

function Board({ items, chosen }) {
  return html`<section class="card flush"><${Scroll} label="Contracts">
    <table class="cards"><thead><tr><th>Contract</th><th>Status</th><th>Provider</th><th>Consumers</th><th>Mocks</th><th class="right">Checks</th></tr></thead>
    <tbody>${items.map((one) => html`<tr key=${one.id} class=${`open-row${chosen?.id === one.id ? " chosen" : ""}`}>
      <td class="wide"><button class="plain cover-button" aria-pressed=${chosen?.id === one.id ? "true" : "false"} onClick=${() => amend({ contract: chosen?.id === one.id ? "" : one.id })}>${one.name}</button>
        <div class="note"><code>${one.id}</code> ${one.version} · ${words(one.kind)}</div></td>
      <td><${Status} status=${one.status} /></td>
      <td data-name="Provider">${sentence(one.provider)}</td>
      <td data-name="Consumers">${one.consumers.length ? one.consumers.map(sentence).join(", ") : html`<span class="faint">nobody</span>`}</td>
      <td class="nowrap"><${Mocks} mocks=${one.mocks} /></td>
      <td class="right nowrap" data-name="Checks"><${Checks} contract=${one} /></td>
    </tr>`)}</tbody></table><//></section>`;
}

function Mocks({ mocks }) {
  if (mocks.length === 0) return html`<span class="faint">–</span>`;
  const live = mocks.filter(isLive).length;
  if (live > 0) return html`<${Status} status="live" word=${`${live} live`} quiet />`;
  const lost = mocks.filter((mock) => mock.lost).length;
  const told = [[mocks.length - lost, "retired"], [lost, "lost"]].filter(([number]) => number > 0);
  return html`<span class="muted">${told.map(([number, word]) => `${number} ${word}`).join(", ")}</span>`;
}

/** A mock whose process died never said when it stopped. */
function isLive(mock) {
  return mock.stopped_at === null && !mock.lost;
}

function mockWord(mock) {
  if (mock.lost) return "Lost";
  return isLive(mock) ? "Live" : "Retired";
}

function mockEnd(mock) {
  if (mock.lost) return UNKNOWN;
  return isLive(mock) ? "now" : clock(mock.stopped_at);
}

function Checks({ contract }) {
  const { verification } = contract;
  if (!verification) return html`<span class="faint">not verified</span>`;
  const passed = verification.checks.filter((check) => check.passed).length;
  return html`${passed} of ${verification.checks.length}`;
}

function Detail({ contract }) {
  const { verification } = contract;
  const top = useRef(null);
  useEffect(() => top.current.scrollIntoView({ block: "nearest" }), []);
  return html`<div ref=${top} class="contract-detail"><${Card} title=${contract.name} actions=${html`<div class="actions"><a href=${href(["catalogue", "contracts"], { id: contract.id })}>Specification</a></div>`}>
    <div class="stack">
      <dl class="facts small">
        <${Fact} name="Status"><${Status} status=${contract.status} quiet /><//>
        <${Fact} name="Version">${contract.version}<//>
        ${contract.digest && html`<${Fact} name="Locked as"><code>${digest(contract.digest)}</code><//>`}
        ${verification && html`<${Fact} name="Tested">${verification.target}<//>`}
        ${verification && verification.operations_total > 0 && html`<${Fact} name="Operations">${verification.operations_tested} of ${verification.operations_total}<//>`}
        ${verification && verification.requests > 0 && html`<${Fact} name="Requests">${verification.requests}<//>`}
        ${verification && html`<${Fact} name="Took">${duration(verification.duration_seconds)}<//>`}
        ${verification?.tool && html`<${Fact} name="With">${verification.tool}<//>`}
      </dl>
      ${contract.reason && html`<p class="reason tone-failed">${contract.reason}</p>`}
      ${contract.mocks.length > 0 && html`<${MockTable} mocks=${contract.mocks} />`}
      ${verification && verification.findings.length > 0 && html`<${Findings} findings=${verification.findings} />`}
      ${verification ? html`<${Matrix} verification=${verification} />` : html`<p class="note">Nothing that was built has been held against it yet.</p>`}
      ${contract.rechecks.map((again) => html`<${CheckList} key=${again.consumer} title=${`${sentence(again.consumer)} against the real provider`} checks=${again.checks} />`)}
    </div>
  <//></div>`;
}

function MockTable({ mocks }) {
  return html`<section><h3 class="section-title">Mocks</h3><${Scroll} label="Mocks"><table class="inner"><thead><tr><th>Stood in for</th><th>State</th><th>Address</th><th>Served</th><th class="right">Calls</th></tr></thead>
    <tbody>${mocks.map((mock) => html`<tr key=${mock.step_id + mock.started_at}><td>${sentence(mock.consumer)}</td>
      <td><${Status} status=${isLive(mock) ? "live" : "idle"} word=${mockWord(mock)} quiet /></td>
      <td><code>${mock.url}</code></td>
      <td class="num nowrap">${clock(mock.started_at)} – ${mockEnd(mock)}</td>
      <td class="right">${mock.calls === null ? "–" : mock.calls}</td></tr>`)}</tbody></table><//></section>`;
}

export function Findings({ findings }) {
  return html`<section><h3 class="section-title">${count(findings.length, "finding")}</h3><ul class="findings">${findings.map((one, at) => html`<li key=${at} class=${`reason tone-${one.severity === "warning" ? "blocked" : "failed"}`}>
    <p><code>${one.operation || one.rule}</code> ${one.message}</p>
    ${(one.expected || one.seen) && html`<p class="note break">${one.expected && `expected ${one.expected}`}${one.expected && one.seen && ", "}${one.seen && `seen ${one.seen}`}</p>`}
    ${one.reproduce && html`<${Scroll} label="How to see it again"><pre class="code wrap">${one.reproduce}</pre><//>`}
  </li>`)}</ul></section>`;
}

function Matrix({ verification }) {
  const { kinds, rows, others } = matrix(verification);
  const [open, setOpen] = useState(null);
  return html`${rows.length > 0 && kinds.length > 0 && html`<section><h3 class="section-title">Operation by check</h3>
      <${Scroll} label="Operation by check" class="matrix-frame"><table class="matrix"><thead><tr><th scope="col">Operation</th>
        ${kinds.map((kind) => html`<th key=${kind} scope="col" class="slanted"><span>${words(kind)}</span></th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr key=${row.operation}><th scope="row"><code>${row.operation}</code>${!row.tested && html` <span class="note">not tested</span>`}</th>
        ${kinds.map((kind) => html`<td key=${kind}><${Cell} cell=${row.cells.get(kind)} onOpen=${() => setOpen({ row, kind })} /></td>`)}</tr>`)}</tbody></table><//>
      <p class="note legend cell-legend"><i class="cell passed" /> passed <i class="cell failed" /> failed, and how many <i class="cell none" /> no such check</p>
      ${open && html`<${CheckList} title=${`${open.row.operation}: ${words(open.kind)}`} checks=${open.row.cells.get(open.kind).failed} />`}
    </section>`}
    ${others.length > 0 && html`<${CheckList} title=${rows.length ? "Other checks" : "Checks"} checks=${others} />`}
    ${verification.not_built.length > 0 && html`<section><h3 class="section-title">Not built on purpose</h3><ul class="bullets">${verification.not_built.map((one) => html`<li key=${one}><code>${one}</code></li>`)}</ul></section>`}`;
}

function Cell({ cell, onOpen }) {
  if (!cell) return html`<span class="cell none" aria-hidden="true" />`;
  if (cell.failed.length === 0) return html`<span class="cell passed" role="img" aria-label=${`${count(cell.passed, "check")} passed`} title=${`${cell.passed} passed`} />`;
  return html`<button class="cell failed" onClick=${onOpen} aria-label=${`${cell.failed.length} of ${cell.failed.length + cell.passed} failed`}>${cell.failed.length}</button>`;
}

const FEW = 8;

export function CheckList({ title, checks }) {
  const failed = checks.filter((check) => !check.passed);
  const passed = checks.filter((check) => check.passed);
  const [open, setOpen] = useState(false);
  const shown = open ? passed : passed.slice(0, Math.max(0, FEW - failed.length));
  const more = passed.length - shown.length;
  return html`<section><h3 class="section-title">${title} <span class="faint num">${passed.length} of ${checks.length} passed</span></h3>
    <ul class="checks">${[...failed, ...shown].map((check, at) => html`<li key=${`${check.id} ${at}`}>
      <span class=${`tone-${check.passed ? "succeeded" : "failed"}`}><${Icon} name=${check.passed ? "succeeded" : "failed"} size=${13} label=${check.passed ? "passed" : "failed"} /></span>
      <span class="break">${check.statement || check.id}${check.detail && html` <span class="note">${check.detail}</span>`}</span></li>`)}</ul>
    ${more > 0 && html`<button class="plain" onClick=${() => setOpen(true)}>Show ${more} more that passed</button>`}
  </section>`;
}
