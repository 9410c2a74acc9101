// Where something may be done, read from what GET /me says. Pure.

const DEFAULT = "default";
const EVERY = "*";

/** Whether a permission is held in every project: then GET /projects is needed to name them. */
export function heldEverywhere(permissions, permission) {
  return (permissions[EVERY] ?? []).includes(permission);
}

/** The projects in which it is held; `known` are the names of those with runs. */
export function heldIn(permissions, permission, known) {
  const named = Object.keys(permissions).filter((project) => project !== EVERY && permissions[project].includes(permission));
  const others = heldEverywhere(permissions, permission) ? [DEFAULT, ...known] : [];
  return [...new Set([...named, ...others])].sort();
}
