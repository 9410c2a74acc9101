// One followed run: its state from GET /runs/{id}, its story from the event stream.

import { ApiError, getChanged } from "./api.js";
import { asking } from "./asking.js";
import { computed, signal } from "./html.js";
import { follow } from "./live.js";
import { attemptsOf } from "./timeline.js";

const LEAST_MS = 250;
const POLL_MS = 5000;
export const RESTING = new Set(["succeeded", "failed", "blocked", "cancelled"]);

export function openRun(id) {
  const run = signal(null);
  const events = signal([]);
  const error = signal(null);
  /** Grows whenever something beyond progress messages happened: dependents ask again. */
  const version = signal(0);
  const told = signal(false); // whether the story has been read to its present end
  let etag = null;
  let stop = null;
  let following = false;
  let stale = false;
  let due = null;
  let last = 0;

  // One at a time: an answer that was long under way must not take the place of a newer one.
  const line = asking(({ data: answer, error: problem }) => {
    if (problem) {
      error.value = problem instanceof ApiError ? problem : new ApiError(0, { detail: String(problem) });
      return;
    }
    error.value = null;
    if (answer === null) return;
    etag = answer.etag;
    const before = run.value;
    run.value = answer.body;
    if (stale || before?.status !== answer.body.status) version.value += 1;
    stale = false;
    if (answer.body.last_sequence <= events.value.length) told.value = true;
    if (!following && (!RESTING.has(answer.body.status) || answer.body.last_sequence > events.value.length)) begin();
  });

  function refresh() {
    clearTimeout(due);
    due = null;
    last = performance.now();
    return line.ask(() => getChanged(`/runs/${id}`, {}, etag));
  }

  function soon() {
    due ??= setTimeout(refresh, Math.max(0, LEAST_MS - (performance.now() - last)));
  }

  function begin() {
    stop?.();
    following = true;
    stop = follow(id, events.value.length, hear, () => {
      following = false;
      soon();
    });
  }

  function hear(batch) {
    events.value = events.value.concat(batch);
    if (run.value && events.value.length >= run.value.last_sequence) told.value = true;
    const known = run.value?.last_sequence ?? 0;
    if (batch.some((event) => event.sequence > known && event.kind !== "step.progress")) {
      stale = true;
      soon();
    }
  }

  const poll = setInterval(() => document.hidden || refresh(), POLL_MS);
  refresh();
  return {
    id,
    run,
    events,
    error,
    version,
    told,
    attempts: computed(() => attemptsOf(events.value)),
    refresh,
    close() {
      line.forget();
      clearInterval(poll);
      clearTimeout(due);
      stop?.();
    },
  };
}
