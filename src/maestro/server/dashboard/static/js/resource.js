// What a page asks of the API: loading, then data or an error, and again when asked.

import { get } from "./api.js";
import { asking } from "./asking.js";
import { growing } from "./growing.js";
import { useCallback, useEffect, useMemo, useRef, useState } from "./html.js";

const NOTHING = { data: null, error: null, loading: true };

/**
 * @param load returns a promise
 * @param keys name what is asked for: where one changes, earlier data goes and it is asked anew
 * @param version says how fresh it is: where it changes, it is asked again and earlier data stays
 * @returns {{data, error, loading, reload}} earlier data stays while it is asked for again
 */
export function useResource(load, keys, version = 0) {
  const [state, setState] = useState(NOTHING);
  const line = useMemo(() => asking((told) => setState((before) => ({ ...before, ...told, loading: false }))), []);
  const reload = useCallback(() => {
    setState((before) => ({ ...before, loading: true }));
    return line.ask(load);
  }, keys);
  useEffect(() => {
    setState(NOTHING);
    reload();
    return line.forget;
  }, keys);
  useFresh(version, reload, keys);
  return { ...state, reload };
}

/** Calls `act` when the version changes, and not for the first one with these keys. */
function useFresh(version, act, keys) {
  const seen = useRef(version);
  useEffect(() => {
    seen.current = version;
  }, keys);
  useEffect(() => {
    if (seen.current === version) return;
    seen.current = version;
    act();
  }, [version]);
}

/**
 * A list with older pages below.
 * @param path and `query` name the list; where one changes, what was shown goes and it is asked anew
 * @param ask promises `{body, etag}` or null: how a page is asked for
 * @param version where it changes, the first page is asked for again
 * @returns {{items, next, error, refresh, more}} `items` is null before the first answer
 */
export function useGrowing(path, query, { ask = plainly, idOf, version = 0 } = {}) {
  const key = JSON.stringify([path, query]);
  const [state, setState] = useState({ key, items: null, next: null, error: null });
  const list = useMemo(
    () => growing(({ cursor, etag }) => ask(path, { ...query, cursor }, etag), (told) => setState({ ...told, key }), idOf),
    [key],
  );
  useEffect(() => {
    list.refresh();
    return list.forget;
  }, [list]);
  useFresh(version, list.refresh, [list]);
  const told = state.key === key ? state : { items: null, next: null, error: null };
  return { ...told, refresh: list.refresh, more: list.more };
}

const plainly = async (path, query) => ({ body: await get(path, query), etag: null });

/** Calls `act` every so often while the tab is seen. */
export function useEvery(milliseconds, act, keys = []) {
  const current = useRef(act);
  current.current = act;
  useEffect(() => {
    if (!milliseconds) return undefined;
    const timer = setInterval(() => document.hidden || current.current(), milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds, ...keys]);
}
