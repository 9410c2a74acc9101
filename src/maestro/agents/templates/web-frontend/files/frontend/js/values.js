/**
 * Values between the API (JSON), people (text) and form controls.
 */

const LOCALE = globalThis.navigator?.language;

/** `in_progress` and `dueSoon` as `In progress` and `Due soon`. */
export function words(text) {
  const spaced = String(text)
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/[_-]+/g, " ")
    .trim();
  return spaced ? spaced[0].toUpperCase() + spaced.slice(1) : String(text);
}

/** `1 task`, `3 tasks`, with the entity's own words. */
export function counted(number, entity) {
  const noun = number === 1 ? entity.label : entity.labelPlural;
  return `${new Intl.NumberFormat(LOCALE).format(number)} ${noun.toLowerCase()}`;
}

export function number(value) {
  return new Intl.NumberFormat(LOCALE).format(value);
}

/** A value as text for people; an empty text when there is none. */
export function display(field, value) {
  if (value === null || value === undefined || value === "") return "";
  const show = SHOWN[field.type];
  return show ? show(value, field) : String(value);
}

const SHOWN = {
  boolean: (value) => (value ? "Yes" : "No"),
  enum: words,
  date: (value) => dateText(value),
  datetime: (value) => momentText(value),
  integer: (value) => (typeof value === "number" ? number(value) : String(value)),
  decimal: (value, field) => decimalText(value, field),
  json: (value) => (typeof value === "object" ? JSON.stringify(value) : String(value)),
};

/** `2030-01-15` as a date of the reader's language, never shifted by a time zone. */
export function dateText(value) {
  const date = new Date(`${value}T00:00:00`);
  if (Number.isNaN(date.getTime())) return String(value);
  return new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium" }).format(date);
}

export function momentText(value) {
  const moment = new Date(value);
  if (Number.isNaN(moment.getTime())) return String(value);
  return new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" }).format(moment);
}

/** `3 hours ago` where it is recent, the date otherwise. */
export function agoText(value, now = Date.now()) {
  const seconds = Math.round((new Date(value).getTime() - now) / 1000);
  if (Number.isNaN(seconds)) return String(value);
  const format = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" });
  const size = Math.abs(seconds);
  if (size < 60) return "just now";
  if (size < 3600) return format.format(Math.round(seconds / 60), "minute");
  if (size < 86400) return format.format(Math.round(seconds / 3600), "hour");
  if (size < 7 * 86400) return format.format(Math.round(seconds / 86400), "day");
  return momentText(value);
}

function decimalText(value, field) {
  const amount = Number(value);
  if (!Number.isFinite(amount)) return String(value);
  const digits = field.step === 0.01 ? { minimumFractionDigits: 2, maximumFractionDigits: 2 } : {};
  return new Intl.NumberFormat(LOCALE, digits).format(amount);
}

/** A stored value as the text of its form control. */
export function toControl(field, value) {
  if (value === null || value === undefined) return "";
  if (field.type === "datetime") return localMoment(value);
  if (field.type === "json") return JSON.stringify(value, null, 2);
  if (field.type === "boolean") return value ? "true" : "false";
  return String(value);
}

/**
 * The text of a form control as a stored value: null when it was left empty.
 *
 * @throws {RangeError} the text does not stand for a value of the field
 */
export function fromControl(field, text) {
  if (text.trim() === "") return null;
  if (field.type === "integer" || field.type === "reference") return wholeNumber(field, text);
  if (field.type === "decimal") return finiteNumber(text);
  if (field.type === "boolean") return text === "true";
  if (field.type === "datetime") return new Date(text).toISOString();
  if (field.type === "json") return parsedJson(text);
  return field.type === "text" ? text : text.trim();
}

function wholeNumber(field, text) {
  if (field.type === "reference" && !/^-?\d+$/.test(text.trim())) return text.trim();
  const value = finiteNumber(text);
  if (!Number.isInteger(value)) throw new RangeError("Enter a whole number.");
  return value;
}

function finiteNumber(text) {
  const value = Number(text);
  if (!Number.isFinite(value)) throw new RangeError("Enter a number.");
  return value;
}

function parsedJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new RangeError('Enter JSON, for example ["one", "two"] or {"key": "value"}.');
  }
}

/** An instant as `YYYY-MM-DDTHH:MM` in the reader's time zone, as a control wants it. */
function localMoment(value) {
  const moment = new Date(value);
  if (Number.isNaN(moment.getTime())) return "";
  const shifted = new Date(moment.getTime() - moment.getTimezoneOffset() * 60000);
  return shifted.toISOString().slice(0, 16);
}

/** What names an entry for people: its title field, or its kind and id. */
export function titleOf(entity, entry) {
  const title = entity.titleField ? entry[entity.titleField] : undefined;
  if (title !== undefined && title !== null && String(title).trim() !== "") return String(title);
  const id = entity.idField ? entry[entity.idField] : undefined;
  return id === undefined ? entity.label : `${entity.label} #${id}`;
}

/** Messages of a problem by field name; what belongs to no field is listed under the empty name. */
export function errorsByField(entity, problem) {
  const names = new Set(entity.fields.map((field) => field.name));
  const found = new Map();
  for (const error of problem.errors ?? []) {
    const parts = String(error.pointer ?? "").split(/[#/.]/);
    const name = parts.findLast((part) => names.has(part)) ?? "";
    const prefix = name ? "" : parts.filter((part) => part && part !== "body").join(" ");
    const text = [prefix, error.detail].filter(Boolean).join(": ");
    found.set(name, [...(found.get(name) ?? []), text]);
  }
  return found;
}

/** A number from 1 to `count` that is always the same for the same text. */
export function hueOf(text, count) {
  let sum = 7;
  for (const character of String(text)) sum = (sum * 31 + character.codePointAt(0)) % 9973;
  return (sum % count) + 1;
}
