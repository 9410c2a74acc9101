// Addresses are `#/runs/run-1/gates?step=x`: they work on any server and can be shared. Pure.

const IDENTIFIER = /^[a-z][a-z0-9_.-]{0,127}$/;

/** A part that cannot be decoded stays as it is: no page answers to it. */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decoded);
  return { parts: parts.length ? parts : ["runs"], query: Object.fromEntries(new URLSearchParams(query)) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * Whether a text may stand in a path of the API. Anybody can write a link: with a slash in it, an
 * "id" would name another resource, such as a file that an agent wrote.
 */
export function isIdentifier(text) {
  return typeof text === "string" && IDENTIFIER.test(text);
}

export function href(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}
