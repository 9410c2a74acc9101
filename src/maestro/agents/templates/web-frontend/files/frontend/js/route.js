/**
 * The part of the address behind `#`: `#/tasks/7?status=done` names a place and its parameters.
 */

/**
 * @param {string} hash
 * @returns {{segments: string[], params: Record<string, string>}}
 */
export function readHash(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  const segments = path.split("/").filter(Boolean).map(decoded);
  return { segments, params: Object.fromEntries(new URLSearchParams(query)) };
}

/**
 * @param {(string|number)[]} segments
 * @param {Record<string, unknown>} [params] empty ones are left out
 */
export function makeHash(segments, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  const path = segments.map((segment) => encodeURIComponent(String(segment))).join("/");
  const text = query.toString();
  return `#/${path}${text ? `?${text}` : ""}`;
}

function decoded(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
