import assert from "node:assert/strict";
import test from "node:test";

import {
  agoText,
  dateText,
  display,
  errorsByField,
  fromControl,
  hueOf,
  titleOf,
  toControl,
  words,
} from "../js/values.js";

const entity = {
  label: "Cart item",
  idField: "id",
  titleField: "name",
  fields: [{ name: "name" }, { name: "due_date" }],
};

test("names become words", () => {
  assert.equal(words("in_progress"), "In progress");
  assert.equal(words("dueSoon"), "Due Soon");
  assert.equal(words("--"), "--");
});

test("what is not there is shown as nothing, never as a word of the language", () => {
  for (const type of ["string", "integer", "date", "datetime", "boolean", "enum", "json", "decimal"]) {
    for (const value of [null, undefined, ""]) assert.equal(display({ type }, value), "");
  }
});

test("a value the field does not expect is shown as it is", () => {
  assert.equal(display({ type: "date" }, "soon"), "soon");
  assert.equal(display({ type: "datetime" }, "later"), "later");
  assert.equal(display({ type: "decimal" }, "many"), "many");
  assert.equal(agoText("never"), "never");
});

test("objects are shown as JSON", () => {
  assert.equal(display({ type: "json" }, { a: [1] }), '{"a":[1]}');
});

test("a date is not shifted by the time zone", () => {
  assert.match(dateText("2030-01-15"), /15/);
});

test("money has two decimals", () => {
  assert.match(display({ type: "decimal", step: 0.01 }, 1234.5), /50$/);
});

test("recent moments are told by their distance", () => {
  const now = Date.parse("2030-01-15T12:00:00Z");
  assert.equal(agoText("2030-01-15T11:59:40Z", now), "just now");
  assert.match(agoText("2030-01-15T09:00:00Z", now), /3/);
});

test("values survive the way through their control", () => {
  const cases = [
    [{ type: "string" }, "plain <b>"],
    [{ type: "text" }, "two\nlines "],
    [{ type: "integer" }, -4],
    [{ type: "decimal" }, 12.5],
    [{ type: "boolean" }, false],
    [{ type: "date" }, "2030-01-15"],
    [{ type: "datetime" }, "2030-01-15T09:30:00.000Z"],
    [{ type: "reference" }, 7],
    [{ type: "reference" }, "a-1"],
    [{ type: "json" }, { a: [1, null] }],
  ];
  for (const [field, value] of cases) {
    assert.deepEqual(fromControl(field, toControl(field, value)), value, field.type);
  }
});

test("an empty control is no value", () => {
  for (const type of ["string", "integer", "boolean", "datetime", "json"]) {
    assert.equal(fromControl({ type }, "  "), null);
    assert.equal(toControl({ type }, null), "");
  }
});

test("a text that is no value of the field is refused with words", () => {
  assert.throws(() => fromControl({ type: "integer" }, "1.5"), /whole number/);
  assert.throws(() => fromControl({ type: "decimal" }, "ten"), /number/);
  assert.throws(() => fromControl({ type: "json" }, "{a}"), /JSON/);
});

test("an entry is named by its title, or by its kind and id", () => {
  assert.equal(titleOf(entity, { id: 3, name: "Blue" }), "Blue");
  assert.equal(titleOf(entity, { id: 3, name: " " }), "Cart item #3");
  assert.equal(titleOf({ ...entity, titleField: null }, { id: 3 }), "Cart item #3");
});

test("errors of a problem find their field", () => {
  const found = errorsByField(entity, {
    errors: [
      { pointer: "/due_date", detail: "is in the past" },
      { pointer: "#/body/name", detail: "is too long" },
      { pointer: "/colour", detail: "is unknown" },
      { pointer: "", detail: "nothing fits" },
    ],
  });
  assert.deepEqual(found.get("due_date"), ["is in the past"]);
  assert.deepEqual(found.get("name"), ["is too long"]);
  assert.deepEqual(found.get(""), ["colour: is unknown", "nothing fits"]);
});

test("a hue is always the same for the same text", () => {
  for (const text of ["task", "", "日本"]) {
    assert.equal(hueOf(text, 6), hueOf(text, 6));
    assert.ok(hueOf(text, 6) >= 1 && hueOf(text, 6) <= 6);
  }
});
