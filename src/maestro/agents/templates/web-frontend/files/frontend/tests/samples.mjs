/**
 * Values that an API accepts, made from the page's own model of its fields.
 */

import { ENTITIES, entityNamed } from "../js/model.js";

const RUN = Date.now().toString(36);
let made = 0;

/** A number and a text that no other call of any run gets. */
function fresh() {
  made += 1;
  return { number: made, text: `${RUN}${made.toString(36)}` };
}

/** An id that belongs to no entry. */
export function strangeId(entity) {
  const field = entity.fields.find((one) => one.name === entity.idField);
  return field?.type === "integer" ? 2147480000 : `none-${fresh().text}`;
}

/** The smallest body the API accepts is not enough: every field that can be given is given. */
export function sampleBody(entity, references) {
  const body = {};
  for (const field of entity.fields.filter((one) => one.creatable)) {
    const value = field.type === "reference" ? references.get(field.target) : sampleValue(field);
    if (value !== undefined && value !== null) body[field.name] = value;
  }
  return body;
}

export function sampleValue(field) {
  const mark = fresh();
  const make = SAMPLES[field.type] ?? (() => undefined);
  return make(field, mark);
}

/** A value that differs from the stored one, where the field has more than one. */
export function otherValue(field, current) {
  if (field.type === "enum") return field.values.find((value) => value !== current) ?? current;
  if (field.type === "boolean") return !current;
  return sampleValue(field);
}

/**
 * The order in which entries can be created: what others need comes first.
 *
 * @param {string} name of the entity that is wanted
 */
export function withNeeded(name, path = []) {
  const entity = entityNamed(name);
  if (!entity || path.includes(name)) return [];
  const targets = entity.fields.filter((field) => field.creatable && field.type === "reference").map((f) => f.target);
  const before = targets.flatMap((target) => withNeeded(target, [...path, name]));
  return [...new Set([...before, name])];
}

export function everyEntity() {
  return ENTITIES;
}

const SAMPLES = {
  string: sampleText,
  text: sampleText,
  email: (field, mark) => clipped(field, `a${mark.text}@example.com`),
  url: (field, mark) => clipped(field, `https://example.com/${mark.text}`),
  enum: (field) => field.values[0],
  boolean: () => true,
  date: () => "2030-01-15",
  datetime: () => "2030-01-15T09:30:00Z",
  integer: (field, mark) => withinRange(field, 10 + mark.number),
  decimal: (field, mark) => withinRange(field, 10 + mark.number),
  json: (field) => field.example,
};

function sampleText(field, mark) {
  if (field.pattern && !new RegExp(field.pattern, "u").test(mark.text)) return field.example ?? undefined;
  return clipped(field, mark.text.padEnd(field.minLength ?? 0, "x"));
}

/** The end of a text is what makes it unique, so it is the start that goes. */
function clipped(field, text) {
  return field.maxLength && text.length > field.maxLength ? text.slice(-field.maxLength) : text;
}

function withinRange(field, wanted) {
  const low = field.minimum ?? -Infinity;
  const high = field.maximum ?? Infinity;
  if (wanted >= low && wanted <= high) return wanted;
  const span = Number.isFinite(high) && Number.isFinite(low) ? high - low + 1 : 1000;
  return Number.isFinite(low) ? Math.min(high, low + (wanted % Math.max(1, span))) : high;
}
