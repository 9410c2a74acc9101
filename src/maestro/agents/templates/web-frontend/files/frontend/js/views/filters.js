/**
 * Search box and filters above a list, and the button that empties them.
 */

import { h, icon } from "../dom.js";
import { ICONS } from "../icons.js";
import { words } from "../values.js";

const TYPING_PAUSE_MILLISECONDS = 250;

export class FilterBar {
  #onChange;
  #controls = [];
  #timer = 0;

  /**
   * @param {object} app the running page
   * @param {import("../collection.js").Collection} collection
   * @param {Record<string, string>} params the values to start with
   * @param {(changes: Record<string, string>) => void} onChange
   */
  constructor(app, collection, params, onChange) {
    this.#onChange = onChange;
    const parts = collection.filters.map((field) => this.#filter(app, field, params[field.name] ?? ""));
    if (collection.searchable) parts.unshift(this.#search(collection.entity, params.search ?? ""));
    this.clearButton = h(
      "button",
      { type: "button", class: "link-button", on: { click: () => this.clear() } },
      "Clear filters",
    );
    this.element = h("div", { class: "filters", role: "search", hidden: !parts.length }, parts);
    this.#mark();
  }

  /** Whether anything narrows the list. */
  get active() {
    return this.#controls.some((control) => control.value !== "");
  }

  clear() {
    for (const control of this.#controls) control.value = "";
    this.#changed();
    this.#controls[0]?.focus();
  }

  #search(entity, value) {
    const input = h("input", {
      type: "search",
      value,
      placeholder: `Search ${entity.labelPlural.toLowerCase()}`,
      "aria-label": `Search ${entity.labelPlural.toLowerCase()}`,
      data: { search: "" },
      autocomplete: "off",
      on: { input: () => this.#later(), change: () => this.#changed() },
    });
    this.#controls.push(Object.assign(input, { parameter: "search" }));
    return h("div", { class: "search" }, icon(ICONS.search), input);
  }

  #filter(app, field, value) {
    const id = `filter-${field.name}`;
    const make = CHOICES[field.type];
    const props = { id, data: { filter: field.name }, on: { change: () => this.#changed() } };
    const control = make
      ? h("select", props, h("option", { value: "" }, "All"), make(field))
      : h("input", { ...props, type: INPUT_TYPES[field.type] ?? "text" });
    control.value = value;
    if (field.type === "reference") loadChoices(app, field, control, value);
    this.#controls.push(Object.assign(control, { parameter: field.name }));
    return h("div", { class: "filter" }, h("label", { for: id }, field.label), control);
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#changed(), TYPING_PAUSE_MILLISECONDS);
  }

  #changed() {
    clearTimeout(this.#timer);
    this.#mark();
    this.#onChange(Object.fromEntries(this.#controls.map((control) => [control.parameter, control.value])));
  }

  #mark() {
    this.clearButton.hidden = !this.active;
    for (const control of this.#controls) control.classList.toggle("active", control.value !== "");
  }
}

const INPUT_TYPES = { date: "date", integer: "number", decimal: "number" };

const CHOICES = {
  enum: (field) => field.values.map((value) => h("option", { value }, words(value))),
  boolean: () => [h("option", { value: "true" }, "Yes"), h("option", { value: "false" }, "No")],
  reference: () => [],
};

async function loadChoices(app, field, control, value) {
  try {
    const { choices } = await app.collection(field.target).options();
    control.append(...choices.map(({ id, title }) => h("option", { value: id }, title)));
    control.value = value;
  } catch {
    control.disabled = true;
    control.title = "The choices could not be loaded.";
  }
}
