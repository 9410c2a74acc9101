/**
 * Single values as elements: badges, marks, links, titles of referenced entries.
 */

import { fill, h, icon } from "../dom.js";
import { ICONS } from "../icons.js";
import { ENTITIES, entityNamed } from "../model.js";
import { makeHash } from "../route.js";
import { display, hueOf } from "../values.js";

export const HUES = 6;

/** The colour of a kind of entry: its place among all of them. */
export function entityHue(entity) {
  return (ENTITIES.indexOf(entity) % HUES) + 1;
}

/** The value of a field, ready for a table cell or a detail page. */
export function valueElement(field, value, app) {
  if (value === null || value === undefined || value === "") return h("span", { class: "none" }, "—");
  const make = ELEMENTS[field.type];
  return make ? make(field, value, app) : h("span", {}, display(field, value));
}

/** A choice as a coloured badge; its colour follows its place among the choices. */
export function badge(field, value) {
  const place = (field.values ?? []).indexOf(String(value));
  const hue = place >= 0 ? (place % HUES) + 1 : hueOf(value, HUES);
  return h("span", { class: `badge hue-${hue}` }, display(field, value));
}

const ELEMENTS = {
  enum: badge,
  boolean: (field, value) =>
    h("span", { class: value ? "mark yes" : "mark" }, icon(value ? ICONS.check : ICONS.minus), display(field, value)),
  email: (field, value) => h("a", { href: `mailto:${value}` }, value),
  url: (field, value) =>
    /^https?:\/\//i.test(value)
      ? h("a", { href: value, rel: "noopener noreferrer", target: "_blank" }, value, icon(ICONS.external))
      : h("span", {}, value),
  date: (field, value) => h("time", { datetime: value }, display(field, value)),
  datetime: (field, value) => h("time", { datetime: value }, display(field, value)),
  text: (field, value) => h("span", { class: "prose" }, value),
  json: (field, value) => h("code", {}, display(field, value)),
  reference: (field, value, app) => {
    const target = entityNamed(field.target);
    const link = h("a", { href: makeHash([target.route, value]) }, `#${value}`);
    app.collection(target.name).title(value).then((title) => fill(link, title), () => {});
    return link;
  },
};
