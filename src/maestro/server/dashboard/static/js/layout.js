// Places the steps of a run: columns by phase, or by depth where steps have no phases. Pure.

export const NODE = { width: 168, height: 44 };
const PITCH = { x: NODE.width + 40, y: NODE.height + 10 };
const HEADER = 34;
const MARGIN = 12;
export const MOST_PER_COLUMN = 12;
const LOUD = new Set(["running", "waiting", "awaiting", "failed", "blocked"]);

/** What each step waits for: its needs, and the steps that name it as their parent. */
export function allNeeds(steps) {
  const known = new Set(steps.map((step) => step.id));
  const needs = new Map(steps.map((step) => [step.id, step.needs.filter((need) => known.has(need))]));
  for (const step of steps) {
    const waiting = step.parent === null ? undefined : needs.get(step.parent);
    if (waiting && !waiting.includes(step.id)) waiting.push(step.id);
  }
  return needs;
}

/** Every step after what it waits for. */
export function inOrder(needs) {
  const open = new Map();
  const dependants = new Map();
  for (const [id, list] of needs) {
    open.set(id, list.length);
    for (const need of list) {
      if (!dependants.has(need)) dependants.set(need, []);
      dependants.get(need).push(id);
    }
  }
  const order = [...open].filter(([, number]) => number === 0).map(([id]) => id);
  for (let at = 0; at < order.length; at += 1) {
    for (const dependant of dependants.get(order[at]) ?? []) {
      open.set(dependant, open.get(dependant) - 1);
      if (open.get(dependant) === 0) order.push(dependant);
    }
  }
  return order;
}

export function depths(needs, order) {
  const depth = new Map();
  for (const id of order) {
    depth.set(id, needs.get(id).reduce((most, need) => Math.max(most, depth.get(need) + 1), 0));
  }
  return depth;
}

/** The needs that no other need already implies: the fewest arrows that say the same. */
export function reduced(needs, order, depth) {
  const place = new Map(order.map((id, at) => [id, at]));
  const size = Math.ceil(order.length / 32);
  const before = new Map();
  const kept = new Map();
  for (const id of order) {
    const seen = new Uint32Array(size);
    const mine = [];
    const latest = [...needs.get(id)].sort((a, b) => depth.get(b) - depth.get(a));
    for (const need of latest) {
      const at = place.get(need);
      if (seen[at >> 5] & (1 << (at & 31))) continue;
      mine.push(need);
      const theirs = before.get(need);
      for (let word = 0; word < size; word += 1) seen[word] |= theirs[word];
      seen[at >> 5] |= 1 << (at & 31);
    }
    before.set(id, seen);
    kept.set(id, mine);
  }
  return kept;
}

/**
 * @param steps as the API gives them
 * @param options `unfolded`: keys of folds that are open; `selected`: a step that is never folded
 * @returns {{width, height, columns, nodes, edges}} nodes hold `step` or `fold`
 */
export function layout(steps, { unfolded = new Set(), selected = null } = {}) {
  const needs = allNeeds(steps);
  const order = inOrder(needs);
  const depth = depths(needs, order);
  const kept = reduced(needs, order, depth);
  const columns = columnsOf(steps, depth);
  const shown = new Map(); // step id -> key of the node that stands for it
  for (const column of columns) {
    untangle(column, kept, depth, columns);
    column.nodes = folded(column, unfolded, selected);
    for (const node of column.nodes) for (const id of node.ids) shown.set(id, node.key);
  }
  const nodes = [];
  columns.forEach((column, x) => {
    column.x = MARGIN + x * PITCH.x;
    column.nodes.forEach((node, y) => {
      Object.assign(node, { x: column.x, y: MARGIN + HEADER + y * PITCH.y, row: y, column: x });
      nodes.push(node);
    });
  });
  const tallest = columns.reduce((most, column) => Math.max(most, column.nodes.length), 0);
  return {
    width: 2 * MARGIN + Math.max(0, columns.length * PITCH.x - (PITCH.x - NODE.width)),
    height: 2 * MARGIN + HEADER + tallest * PITCH.y,
    columns: columns.map(({ key, title, x, ids }) => ({ key, title, x, ids })),
    nodes,
    edges: edgesOf(kept, shown, new Map(nodes.map((node) => [node.key, node]))),
  };
}

function columnsOf(steps, depth) {
  const named = steps.filter((step) => step.phase);
  const phased = named.length > 0.6 * steps.length && new Set(named.map((step) => step.phase)).size > 1;
  const groups = new Map();
  for (const step of steps) {
    const key = phased ? step.phase || "other" : String(depth.get(step.id));
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(step);
  }
  const mean = (group) => group.reduce((sum, step) => sum + depth.get(step.id), 0) / group.length;
  return [...groups]
    .map(([key, group]) => ({ key, group, at: mean(group), title: phased ? key : "" }))
    .sort((a, b) => a.at - b.at)
    .map(({ key, group, title }) => ({ key, title, steps: group, ids: group.map((step) => step.id) }));
}

/** Earlier steps above later ones; among equals, near what they need. */
function untangle(column, kept, depth, columns) {
  const row = new Map();
  for (const earlier of columns) {
    if (earlier === column) break;
    earlier.steps.forEach((step, at) => row.set(step.id, at));
  }
  const pull = new Map(
    column.steps.map((step) => {
      const rows = kept.get(step.id).filter((need) => row.has(need)).map((need) => row.get(need));
      return [step.id, rows.length ? rows.reduce((a, b) => a + b, 0) / rows.length : Infinity];
    }),
  );
  column.steps.sort((a, b) => depth.get(a.id) - depth.get(b.id) || pull.get(a.id) - pull.get(b.id) || 0);
}

/** A column that is too long keeps what needs eyes and folds the rest by status. */
function folded(column, unfolded, selected) {
  const whole = (step) => ({ key: step.id, ids: [step.id], step, fold: null });
  if (column.steps.length <= MOST_PER_COLUMN) return column.steps.map(whole);
  const nodes = [];
  const folds = new Map();
  for (const step of column.steps) {
    const key = `${column.key}/${step.status}`;
    if (LOUD.has(step.status) || step.id === selected) {
      nodes.push(whole(step));
    } else if (folds.has(key)) {
      folds.get(key).steps.push(step);
    } else {
      const fold = { key, status: step.status, steps: [step], open: unfolded.has(key) };
      folds.set(key, fold);
      nodes.push(fold);
    }
  }
  return nodes.flatMap((node) => {
    if (node.step) return [node];
    if (node.steps.length === 1) return [whole(node.steps[0])];
    const head = { key: node.key, ids: node.open ? [] : node.steps.map((step) => step.id), step: null, fold: node };
    return node.open ? [head, ...node.steps.map(whole)] : [head];
  });
}

function edgesOf(kept, shown, nodes) {
  const seen = new Set();
  const edges = [];
  for (const [id, list] of kept) {
    for (const need of list) {
      const from = nodes.get(shown.get(need));
      const to = nodes.get(shown.get(id));
      const key = `${from.key}>${to.key}`;
      if (from === to || seen.has(key)) continue;
      seen.add(key);
      edges.push({ key, from: from.key, to: to.key, ids: [need, id], path: path(from, to) });
    }
  }
  return edges;
}

function path(from, to) {
  const out = { x: from.x + NODE.width, y: from.y + NODE.height / 2 };
  const into = { x: to.x, y: to.y + NODE.height / 2 };
  if (from.column === to.column) {
    if (Math.abs(to.row - from.row) === 1) {
      const down = to.row > from.row;
      const x = from.x + 22;
      return down
        ? `M${x} ${from.y + NODE.height}V${to.y}`
        : `M${x} ${from.y}V${to.y + NODE.height}`;
    }
    const bulge = from.x - 14;
    return `M${from.x} ${out.y}C${bulge} ${out.y} ${bulge} ${into.y} ${to.x} ${into.y}`;
  }
  if (from.column > to.column) {
    const reach = 26;
    return `M${from.x} ${out.y}C${from.x - reach} ${out.y} ${to.x + NODE.width + reach} ${into.y} ${to.x + NODE.width} ${into.y}`;
  }
  const bend = Math.max(20, Math.min(90, (into.x - out.x) / 2));
  return `M${out.x} ${out.y}C${out.x + bend} ${out.y} ${into.x - bend} ${into.y} ${into.x} ${into.y}`;
}
