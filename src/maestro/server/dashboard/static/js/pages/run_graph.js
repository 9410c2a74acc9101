// The graph: arrows are drawn, steps are buttons, so keyboard and screen readers reach each.

import { count } from "../format.js";
import { html, useEffect, useMemo, useRef, useState } from "../html.js";
import { NODE, layout } from "../layout.js";
import { sentence } from "../format.js";
import { Icon } from "../parts/icons.js";
import { iconOf, statusWord, tone } from "../parts/status.js";

const LEAST_ZOOM = 0.9;

export function Graph({ run, selected, critical, onSelect }) {
  const [unfolded, setUnfolded] = useState(new Set());
  const [near, setNear] = useState(null);
  const frame = useRef(null);
  const [room, setRoom] = useState(0);
  const shape = run.step_list.map((step) => `${step.id} ${step.status}`).join();
  const drawn = useMemo(
    () => layout(run.step_list, { unfolded, selected: selected?.id ?? null }),
    [shape, unfolded, selected?.id],
  );
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setRoom(entry.contentRect.width));
    watcher.observe(frame.current);
    return () => watcher.disconnect();
  }, []);
  const zoom = room ? Math.max(LEAST_ZOOM, Math.min(1, (room - 2) / drawn.width)) : 1;
  useEffect(() => {
    const node = selected && drawn.nodes.find((one) => one.ids.includes(selected.id));
    if (node && room) bring(frame.current, node, zoom);
  }, [selected?.id, room > 0]);

  const [more, setMore] = useState(false);
  const look = () => {
    const { scrollLeft, scrollWidth, clientWidth } = frame.current;
    setMore(scrollWidth - clientWidth - scrollLeft > 4);
  };
  useEffect(look, [room, drawn.width, zoom]);

  const toggle = (key) => {
    const next = new Set(unfolded);
    if (!next.delete(key)) next.add(key);
    setUnfolded(next);
  };
  const focus = near ?? selected?.id ?? null;
  const lit = (edge) => focus !== null && (edge.from === focus || edge.to === focus);
  const onPath = (edge) => edge.ids.every((id) => critical.has(id));
  const edges = [...drawn.edges].sort((a, b) => lit(a) - lit(b) || onPath(a) - onPath(b));
  return html`<div class=${`graph${more ? " more" : ""}`} ref=${frame} onScroll=${look} role="region" aria-label=${`Graph of ${count(run.step_list.length, "step")}`} tabindex="0">
    <div class="graph-size" style=${{ width: `${drawn.width * zoom}px`, height: `${drawn.height * zoom}px` }}>
    <div class="graph-sheet" style=${{ width: `${drawn.width}px`, height: `${drawn.height}px`, transform: `scale(${zoom})` }}>
      <svg width=${drawn.width} height=${drawn.height} aria-hidden="true">
        ${edges.map((edge) => html`<path key=${edge.key} d=${edge.path} class=${`edge${onPath(edge) ? " critical" : ""}${lit(edge) ? " lit" : ""}${focus && !lit(edge) ? " dim" : ""}`} />`)}
      </svg>
      ${drawn.columns.map((column) => column.title && html`<div class="column-title" key=${column.key} style=${{ left: `${column.x}px`, width: `${NODE.width}px` }}>${sentence(column.title)}</div>`)}
      ${drawn.nodes.map((node) => node.step
        ? html`<${StepNode} key=${node.key} node=${node} selected=${selected?.id === node.step.id} critical=${critical.has(node.step.id)} onSelect=${onSelect} onNear=${setNear} />`
        : html`<${FoldNode} key=${node.key} node=${node} onToggle=${toggle} />`)}
    </div></div>
  </div>`;
}

function StepNode({ node, selected, critical, onSelect, onNear }) {
  const { step } = node;
  const attempt = step.attempt > 1 ? `, attempt ${step.attempt}` : "";
  return html`<button class=${`node tone-${tone(step.status)} is-${step.status}${selected ? " selected" : ""}${critical ? " critical" : ""}`}
    style=${{ left: `${node.x}px`, top: `${node.y}px`, width: `${NODE.width}px`, height: `${NODE.height}px` }}
    aria-label=${`${step.title}${step.persona ? `, ${step.persona}` : ""}, ${statusWord(step.status)}${attempt}`}
    aria-pressed=${selected ? "true" : "false"} data-step=${step.id} title=${step.title}
    onClick=${() => onSelect(selected ? null : step.id)}
    onMouseEnter=${() => onNear(step.id)} onMouseLeave=${() => onNear(null)}>
    <${Icon} name=${iconOf(step.status)} size=${15} />
    <span class="node-title">${step.title}</span>
    ${step.attempt > 1 && html`<span class="node-attempt num" data-mark=${`${step.attempt}×`} />`}
  </button>`;
}

function FoldNode({ node, onToggle }) {
  const { fold } = node;
  return html`<button class="node fold" aria-expanded=${fold.open ? "true" : "false"}
    style=${{ left: `${node.x}px`, top: `${node.y}px`, width: `${NODE.width}px`, height: `${NODE.height}px` }}
    onClick=${() => onToggle(fold.key)}>
    <${Icon} name=${iconOf(fold.status)} size=${15} />
    <span class="node-title">${count(fold.steps.length, "step")} ${fold.status}</span>
    <span class="fold-mark" data-mark=${fold.open ? "–" : "+"} />
  </button>`;
}

/** Scrolls the graph, and only it, so that a step can be seen. */
function bring(frame, node, zoom) {
  const margin = 40;
  const left = node.x * zoom - margin;
  const right = (node.x + NODE.width) * zoom + margin;
  if (left < frame.scrollLeft || right > frame.scrollLeft + frame.clientWidth) {
    frame.scrollLeft = left - (frame.clientWidth - NODE.width * zoom) / 2 + margin;
  }
}
