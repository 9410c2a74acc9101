/**
 * One entry with all its values, and what belongs to it.
 */

import { fill, h, icon } from "../dom.js";
import { confirmed, errorBox, messageOf, notice } from "../feedback.js";
import { ICONS } from "../icons.js";
import { makeHash } from "../route.js";
import { counted, titleOf } from "../values.js";
import { valueElement } from "./cells.js";
import { openForm } from "./form.js";
import { skeleton } from "./table.js";

const MOST_RELATED = 5;

export class DetailView {
  #app;
  #collection;
  #id;

  constructor(app, collection, id) {
    this.#app = app;
    this.#collection = collection;
    this.#id = id;
    this.element = h("section", { class: "detail", data: { detail: collection.entity.plural }, "aria-labelledby": "view-title" });
  }

  async show() {
    if (!this.element.childElementCount) fill(this.element, h("div", { class: "card" }, skeleton()));
    this.element.setAttribute("aria-busy", "true");
    try {
      const entry = await this.#read();
      fill(this.element, this.#header(entry), this.#values(entry), this.#related());
    } catch (error) {
      const back = makeHash([this.#collection.entity.route]);
      const link = h("a", { class: "button", href: back }, `All ${this.#collection.entity.labelPlural.toLowerCase()}`);
      fill(this.element, errorBox("This entry could not be loaded", messageOf(error)), link);
    } finally {
      this.element.removeAttribute("aria-busy");
    }
  }

  async #read() {
    if (this.#collection.can("read")) return this.#collection.read(this.#id);
    const { entries } = await this.#collection.list({ limit: 100 });
    const found = entries.find((entry) => String(this.#collection.idOf(entry)) === this.#id);
    if (!found) throw new Error("There is no entry with this id among the first ones of the list.");
    return found;
  }

  #header(entry) {
    const { entity } = this.#collection;
    const buttons = [];
    if (this.#collection.can("update")) {
      buttons.push(button("edit", "Edit", ICONS.edit, "", () => this.#edit(entry)));
    }
    if (this.#collection.can("remove")) {
      buttons.push(button("delete", "Delete", ICONS.trash, " danger-quiet", () => this.#remove(entry)));
    }
    return h(
      "header",
      { class: "view-header" },
      h(
        "div",
        {},
        h("p", { class: "crumb" }, h("a", { href: makeHash([entity.route]) }, icon(ICONS.left), entity.labelPlural)),
        h("h1", { id: "view-title", tabindex: "-1" }, titleOf(entity, entry)),
      ),
      h("div", { class: "buttons" }, buttons),
    );
  }

  #values(entry) {
    const { entity } = this.#collection;
    const kept = (field) => field.creatable || field.updatable;
    const ordered = [...entity.fields.filter(kept), ...entity.fields.filter((field) => !kept(field))];
    const pairs = ordered.map((field) =>
      h(
        "div",
        { class: field.type === "text" || field.type === "json" ? "wide" : "" },
        h("dt", {}, field.label),
        h("dd", { data: { value: field.name } }, valueElement(field, entry[field.name], this.#app)),
      ),
    );
    return h("div", { class: "card" }, h("dl", { class: "values" }, pairs));
  }

  /** Lists that can be narrowed to this entry, each with its first entries. */
  #related() {
    return this.#app.collections().flatMap((other) =>
      other.filters
        .filter((field) => field.type === "reference" && field.target === this.#collection.entity.name)
        .map((field) => this.#relatedCard(other, field)),
    );
  }

  #relatedCard(other, field) {
    const { entity } = other;
    const title = field.target === field.label.toLowerCase() ? entity.labelPlural : `${entity.labelPlural} (${field.label.toLowerCase()})`;
    const list = h("div", {}, h("p", { class: "hint" }, "Loading…"));
    const address = makeHash([entity.route], { [field.name]: this.#id });
    other
      .list({ filters: { [field.name]: this.#id }, limit: MOST_RELATED })
      .then(({ entries, total }) => fill(list, relatedList(other, entries, total, address)))
      .catch((error) => fill(list, errorBox("This list could not be loaded", messageOf(error))));
    return h("section", { class: "card related" }, h("h2", {}, h("a", { href: address }, title)), list);
  }

  async #edit(entry) {
    const stored = await openForm(this.#app, this.#collection, entry);
    if (stored) {
      this.#app.entriesChanged();
      await this.show();
    }
    this.element.querySelector('[data-action="edit"]')?.focus();
  }

  async #remove(entry) {
    const { entity } = this.#collection;
    const question = {
      title: `Delete this ${entity.label.toLowerCase()}?`,
      text: `“${titleOf(entity, entry)}” will be deleted for good.`,
      action: "Delete",
    };
    if (!(await confirmed(question, () => this.#collection.remove(this.#id)))) return;
    notice(`${entity.label} deleted.`);
    this.#app.entriesChanged();
    location.hash = makeHash([entity.route]);
  }
}

function relatedList(collection, entries, total, address) {
  const { entity } = collection;
  if (!entries.length) return h("p", { class: "hint" }, "None yet.");
  const items = entries.map((entry) =>
    h("li", {}, h("a", { href: makeHash([entity.route, collection.idOf(entry)]) }, titleOf(entity, entry))),
  );
  const more = total !== null && total > entries.length;
  return [h("ul", { class: "plain" }, items), more ? h("p", {}, h("a", { href: address }, `All ${counted(total, entity)}`)) : null];
}

function button(action, text, picture, kind, run) {
  const props = { type: "button", class: `button${kind}`, data: { action }, on: { click: run } };
  return h("button", props, icon(picture), text);
}
