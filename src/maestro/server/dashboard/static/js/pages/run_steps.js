// The steps of a run as a graph or on a time axis, and beside it the one that was chosen.

import { get } from "../api.js";
import { html } from "../html.js";
import { Choice, Problem } from "../parts/ui.js";
import { useResource } from "../resource.js";
import { amend, route } from "../router.js";
import { Graph } from "./run_graph.js";
import { StepPanel } from "./run_step.js";
import { Timeline } from "./run_timeline.js";

const OPENED = new Set(["failed", "blocked", "awaiting"]);
const NONE = "none";
const NARROW = "(max-width: 700px)"; // no room for a graph

export function StepsTab({ store, run }) {
  const { step: asked, view = matchMedia(NARROW).matches ? "timeline" : "graph" } = route.value.query;
  const byId = new Map(run.step_list.map((step) => [step.id, step]));
  const focus = byId.get(run.focus);
  const opened = focus && OPENED.has(focus.status) ? focus : null;
  const selected = asked === NONE ? null : byId.get(asked) ?? opened ?? null;
  // The longest chain by measured times; the server tells it once the run has come to rest.
  const known = run.kind === "build" && run.ended_at !== null;
  const outcome = useResource(async () => (known ? get(`/runs/${run.id}/outcome`) : null), [run.id, known], store.version.value);
  const critical = new Set(outcome.data?.outcome.timing.critical_steps ?? []);
  const select = (id) => amend({ step: id ?? NONE });
  return html`<div class=${`steps${selected ? " with-panel" : ""}`}>
    <div class="steps-main">
      ${outcome.error && html`<${Problem} error=${outcome.error} retry=${outcome.reload} />`}
      <div class="row spread">
        <${Choice} label="View" value=${view} options=${[["graph", "Graph"], ["timeline", "Timeline"]]} onChoose=${(name) => amend({ view: name })} />
        ${critical.size > 0 && html`<span class="note legend"><i class="critical-mark" aria-hidden="true" />Critical path</span>`}
      </div>
      ${view === "timeline"
        ? html`<${Timeline} store=${store} run=${run} selected=${selected} critical=${critical} onSelect=${select} />`
        : html`<${Graph} run=${run} selected=${selected} critical=${critical} onSelect=${select} />`}
    </div>
    ${selected && html`<${StepPanel} key=${selected.id} store=${store} run=${run} step=${selected} onClose=${() => select(null)} onSelect=${select} />`}
  </div>`;
}
