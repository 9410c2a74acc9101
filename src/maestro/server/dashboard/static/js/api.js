// The public REST API, as anybody else would call it. Nothing here knows about pages.

import { signal } from "./html.js";

const BASE = "/api/v1";
const KEY = "maestro.key";
const PATIENCE_MS = 90_000; // more than the server gives itself; what asks one thing at a time must not wait for ever
const GONE = "No answer from the server. Is `maestro serve` still running?";

/** True once the server has refused us for lack of a key. */
export const keyWanted = signal(false);

/** True once it has refused the key we had: expired, revoked, or none of its own. */
export const keyRefused = signal(false);

export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `the server answered ${status}`);
    this.status = status;
    this.code = problem.code ?? "unreachable";
    this.title = problem.title ?? "The server cannot be reached";
    this.hint = problem.hint ?? "";
    this.errors = problem.errors ?? [];
  }
}

export function key() {
  return sessionStorage.getItem(KEY);
}

export function useKey(value) {
  if (value) sessionStorage.setItem(KEY, value);
  else sessionStorage.removeItem(KEY);
  keyRefused.value = false;
  keyWanted.value = false;
}

export function signOut() {
  sessionStorage.removeItem(KEY);
  location.reload(); // nothing that was shown stays behind
}

function address(path, query) {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given).toString();
  return `${BASE}${path}${text ? `?${text}` : ""}`;
}

async function send(method, path, { query, body, headers, signal: abort } = {}) {
  const sent = { Accept: "application/json", ...headers };
  if (method !== "GET") sent["Content-Type"] = "application/json";
  if (key()) sent.Authorization = `Bearer ${key()}`;
  let answer;
  try {
    answer = await fetch(address(path, query), {
      method,
      headers: sent,
      body: method === "GET" ? undefined : JSON.stringify(body ?? {}),
      signal: abort,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { detail: GONE });
  }
  if (answer.ok || answer.status === 304) return answer;
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401) {
    if (key() && sent.Authorization === `Bearer ${key()}`) {
      sessionStorage.removeItem(KEY);
      keyRefused.value = true;
    }
    keyWanted.value = true;
  }
  throw new ApiError(answer.status, problem);
}

export async function get(path, query, options = {}) {
  return (await send("GET", path, { query, signal: AbortSignal.timeout(PATIENCE_MS), ...options })).json();
}

/** Like get, but asks only for what changed: null where it is as `etag` names it. */
export async function getChanged(path, query, etag) {
  const headers = etag ? { "If-None-Match": etag } : {};
  const answer = await send("GET", path, { query, headers, signal: AbortSignal.timeout(PATIENCE_MS) });
  if (answer.status === 304) return null;
  return { etag: answer.headers.get("ETag"), body: await answer.json() };
}

/** What GET /health says; an ill server answers 503 with the same. Checks are for who may read runs. */
export async function health() {
  const headers = { Accept: "application/json", ...(key() ? { Authorization: `Bearer ${key()}` } : {}) };
  try {
    return await (await fetch("/health", { headers })).json();
  } catch {
    throw new ApiError(0, { detail: GONE });
  }
}

export async function getText(path, query) {
  return (await send("GET", path, { query, headers: { Accept: "*/*" } })).text();
}

export async function getBlob(path, query) {
  return (await send("GET", path, { query, headers: { Accept: "*/*" } })).blob();
}

/** @param options `match`: the ETag a decision was made on; `start`: something is started, once */
export async function post(path, body, { match, start = false } = {}) {
  const headers = match ? { "If-Match": match } : {};
  const answer = await (start ? once(path, body, headers) : send("POST", path, { body, headers }));
  return answer.status === 204 ? null : answer.json();
}

export async function put(path, body) {
  return (await send("PUT", path, { body })).json();
}

export async function remove(path) {
  await send("DELETE", path);
}

const unanswered = new Map(); // path and content of what was asked to start -> its key

/** A second click, or another try after an answer that was lost, starts nothing a second time. */
async function once(path, body, headers) {
  const content = `${path} ${JSON.stringify(body)}`;
  const mine = unanswered.get(content) ?? crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  unanswered.set(content, mine);
  try {
    const answer = await send("POST", path, { body, headers: { ...headers, "Idempotency-Key": mine } });
    unanswered.delete(content);
    return answer;
  } catch (error) {
    if (error.status >= 400 && error.status < 500) unanswered.delete(content);
    throw error;
  }
}

/** All items of a paged list; `most` keeps a page from asking for ever. */
export async function getAll(path, query = {}, most = 2000) {
  const items = [];
  let cursor = null;
  do {
    const page = await get(path, { limit: 200, ...query, cursor });
    items.push(...page.items);
    cursor = page.next;
  } while (cursor && items.length < most);
  return items;
}

/** Saves bytes as a file, without leaving the page. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
