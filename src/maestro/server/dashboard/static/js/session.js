// Who is here, what the time is, and which theme is chosen.

import { get } from "./api.js";
import { signal } from "./html.js";
import { heldEverywhere, heldIn } from "./projects.js";

/** What GET /me said; null before. */
export const me = signal(null);

/** Milliseconds, moved on every second while the tab is seen. */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
addEventListener("visibilitychange", () => {
  now.value = Date.now();
});

export async function meet() {
  me.value = await get("/me");
}

/** Whether a permission is held in some project; the server decides about each request again. */
export function may(permission) {
  return Object.values(me.value?.permissions ?? {}).some((list) => list.includes(permission));
}

export function mayEverywhere(permission) {
  return heldEverywhere(me.value?.permissions ?? {}, permission);
}

export function mayIn(permission, project) {
  return mayEverywhere(permission) || (me.value?.permissions[project] ?? []).includes(permission);
}

/** The projects in which a permission is held. */
export async function projectsWith(permission) {
  const permissions = me.value?.permissions ?? {};
  const known = heldEverywhere(permissions, permission) ? (await get("/projects")).items.map((one) => one.id) : [];
  return heldIn(permissions, permission, known);
}

export const theme = signal(document.documentElement.dataset.theme);

export function chooseTheme(name) {
  theme.value = name;
  document.documentElement.dataset.theme = name;
  localStorage.setItem("maestro.theme", name);
}
