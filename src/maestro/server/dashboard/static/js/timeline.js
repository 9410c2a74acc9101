// The attempts of a run as bars on a time axis, read from its events. Pure.

const ENDS = {
  "step.succeeded": "succeeded",
  "step.failed": "failed",
  "step.blocked": "blocked",
  "step.retrying": "failed",
  "step.interrupted": "interrupted",
  "step.cancelled": "cancelled",
};

/** Written when a process takes a run up: they say nothing of the process before. */
const TAKEN_UP = new Set(["run.started", "run.resumed", "step.interrupted"]);

/**
 * An interrupted attempt ends with the last event that its process wrote: the time until somebody
 * took the run up again is nobody's work.
 * @returns {Map<string, Array>} per step its attempts: number, status, start and end (ms; end null while it runs)
 */
export function attemptsOf(events) {
  const found = new Map();
  let alive = 0; // the last sign of life of a process
  for (const event of events) {
    const before = alive;
    if (!TAKEN_UP.has(event.kind)) alive = Date.parse(event.at);
    if (!event.step_id) continue;
    const list = found.get(event.step_id) ?? [];
    const last = list.at(-1);
    const at = Date.parse(event.at);
    if (event.kind === "step.started" || (event.kind === "step.awaiting" && last?.end !== null)) {
      if (last && last.end === null) Object.assign(last, { end: Math.max(before, last.start), status: "interrupted" });
      const status = event.kind === "step.started" ? "running" : "awaiting";
      list.push({ number: event.attempt ?? list.length + 1, status, start: at, end: null });
      found.set(event.step_id, list);
    } else if (event.kind === "step.awaiting" && last) {
      last.status = "awaiting";
    } else if (ENDS[event.kind] && last && last.end === null) {
      const end = event.kind === "step.interrupted" ? Math.max(before, last.start) : at;
      Object.assign(last, { end, status: ENDS[event.kind] });
    }
  }
  return found;
}

const LEAST_IDLE = 10_000;
const IDLE_SHARE = 0.12;
const FOLDED_SHARE = 0.03;

/**
 * An axis over all bars on which long stretches without any work are folded.
 * @returns {{position: (ms) => number, breaks: Array, ticks: Array, start, end}} positions in 0..1
 */
export function axis(bars, now) {
  if (bars.length === 0) return { position: () => 0, breaks: [], ticks: [], start: now, end: now };
  const spans = bars.map((bar) => [bar.start, bar.end ?? now]).sort((a, b) => a[0] - b[0]);
  const start = spans[0][0];
  const end = spans.reduce((most, span) => Math.max(most, span[1]), start + 1);
  const idle = gaps(spans).filter(([from, to]) => to - from > Math.max(LEAST_IDLE, IDLE_SHARE * (end - start)));
  const busy = end - start - idle.reduce((sum, [from, to]) => sum + to - from, 0);
  const fold = Math.max(1, busy) * FOLDED_SHARE;
  const total = busy + idle.length * fold;
  const position = (at) => {
    let length = 0;
    let from = start;
    for (const [gapStart, gapEnd] of idle) {
      if (at <= gapStart) break;
      length += gapStart - from;
      length += fold * Math.min(1, (at - gapStart) / (gapEnd - gapStart));
      from = gapEnd;
    }
    return Math.min(1, Math.max(0, (length + Math.max(0, at - from)) / total));
  };
  const breaks = idle.map(([from, to]) => ({ from: position(from), to: position(to), seconds: (to - from) / 1000 }));
  return { position, breaks, ticks: ticks(start, end, idle, busy, position), start, end };
}

function gaps(spans) {
  const found = [];
  let reach = spans[0][1];
  for (const [from, to] of spans) {
    if (from > reach) found.push([reach, from]);
    reach = Math.max(reach, to);
  }
  return found;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

function ticks(start, end, idle, busy, position) {
  const every = 1000 * (STEPS.find((step) => busy / 1000 / step <= 7) ?? 86400);
  const found = [];
  for (let at = start; at <= end && found.length < 60; at += every) {
    const folded = idle.some(([from, to]) => at > from && at < to);
    const last = found.at(-1);
    if (!folded && (!last || position(at) - last.at > 0.08)) found.push({ at: position(at), seconds: (at - start) / 1000 });
  }
  return found;
}
