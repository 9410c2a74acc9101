// The address that is open now, and going to another.

import { href, parse } from "./address.js";
import { signal } from "./html.js";

export { href, isIdentifier } from "./address.js";

export const route = signal(parse(location.hash));

addEventListener("hashchange", () => {
  route.value = parse(location.hash);
});

export function go(parts, query = {}) {
  location.hash = href(parts, query);
}

/** Changes the query of this address without an entry in the history. */
export function amend(query) {
  const { parts, query: before } = route.value;
  history.replaceState(null, "", href(parts, { ...before, ...query }));
  route.value = parse(location.hash);
}
