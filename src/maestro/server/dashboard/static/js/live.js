// One WebSocket per tab. Each subscription has a cursor; after a break it goes on from there, so
// every event arrives once and in order.

import { key } from "./api.js";
import { signal } from "./html.js";

const BATCH_MS = 120;
const AGAIN_MS = 2000;
const PATIENCE_MS = [1000, 1000, 2000, 5000, 10_000];

/** `idle` (nothing followed), `live`, or `off` (trying again). */
export const connection = signal("idle");

const followed = new Map(); // run id -> {after, waiting, onEvents, onEnd}
let socket = null;
let failures = 0;
let timer = null;

/**
 * Follows a run from after the given sequence number.
 * @param onEvents is called with batches, gapless and in order
 * @param onEnd is called when the run has come to rest
 * @returns a function that ends it
 */
export function follow(run, after, onEvents, onEnd) {
  const entry = { after, waiting: [], flush: null, again: null, onEvents, onEnd };
  followed.set(run, entry);
  if (socket?.readyState === WebSocket.OPEN) subscribe(run);
  else open();
  return () => {
    if (followed.get(run) !== entry) return;
    clearTimeout(entry.flush);
    clearTimeout(entry.again);
    followed.delete(run);
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ unsubscribe: [run] }));
    if (followed.size === 0) close();
  };
}

function open() {
  if (socket !== null || timer !== null) return;
  const url = new URL("/api/v1/stream", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const protocols = key() ? ["maestro.v1", `maestro.key.${key()}`] : ["maestro.v1"];
  const mine = new WebSocket(url, protocols);
  socket = mine;
  mine.onopen = () => {
    failures = 0;
    connection.value = "live";
    subscribe();
  };
  mine.onmessage = (message) => told(JSON.parse(message.data));
  mine.onclose = () => {
    if (socket !== mine) return;
    socket = null;
    if (followed.size === 0) return;
    connection.value = "off";
    timer = setTimeout(() => {
      timer = null;
      open();
    }, PATIENCE_MS[Math.min(failures, PATIENCE_MS.length - 1)]);
    failures += 1;
  };
}

function close() {
  clearTimeout(timer);
  timer = null;
  const mine = socket;
  socket = null;
  mine?.close();
  connection.value = "idle";
}

/** Asks for all that is followed, or for one run only. */
function subscribe(only = null) {
  const asked = [...followed].filter(([run]) => only === null || run === only);
  if (asked.length === 0 || socket?.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ subscribe: Object.fromEntries(asked.map(([run, entry]) => [run, entry.after])) }));
}

function told(message) {
  const entry = followed.get(message.run_id);
  if (!entry) return;
  if (message.type === "event") {
    if (message.sequence <= entry.after) return;
    if (message.sequence !== entry.after + 1) {
      subscribe(message.run_id); // a gap: ask again from what we have
      return;
    }
    entry.after = message.sequence;
    entry.waiting.push(message);
    entry.flush ??= setTimeout(() => flush(entry), BATCH_MS);
  } else if (message.type === "end") {
    flush(entry);
    entry.onEnd(message);
  } else if (message.type === "error" && message.code === "storage_unavailable") {
    clearTimeout(entry.again);
    entry.again = setTimeout(() => subscribe(message.run_id), AGAIN_MS);
  }
}

function flush(entry) {
  clearTimeout(entry.flush);
  entry.flush = null;
  const batch = entry.waiting;
  entry.waiting = [];
  if (batch.length > 0) entry.onEvents(batch);
}
