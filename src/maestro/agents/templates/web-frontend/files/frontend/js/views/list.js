/**
 * The list of one kind of entry: search, filters, order, pages, and the actions on entries.
 */

import { fill, h, icon } from "../dom.js";
import { confirmed, errorBox, messageOf, notice } from "../feedback.js";
import { ICONS } from "../icons.js";
import { makeHash } from "../route.js";
import { counted, number, titleOf } from "../values.js";
import { FilterBar } from "./filters.js";
import { openForm } from "./form.js";
import { entryTable, skeleton } from "./table.js";

const PAGE_SIZE = 20;

export class ListView {
  #app;
  #collection;
  #params;
  #request = 0;

  /**
   * @param {object} app the running page
   * @param {import("../collection.js").Collection} collection
   * @param {Record<string, string>} params of the address: search, sort, offset and filters
   */
  constructor(app, collection, params) {
    this.#app = app;
    this.#collection = collection;
    this.#params = { ...params };
    const { entity } = collection;
    this.summary = h("p", { role: "status" });
    this.body = h("div", { class: "card list" });
    this.pages = h("nav", { class: "pages", "aria-label": "Pages" });
    this.bar = new FilterBar(app, collection, this.#params, (changes) => this.#narrow(changes));
    this.element = h(
      "section",
      { data: { view: entity.plural }, "aria-labelledby": "view-title" },
      h(
        "header",
        { class: "view-header" },
        h(
          "div",
          {},
          h("h1", { id: "view-title", tabindex: "-1" }, entity.labelPlural),
          h("div", { class: "summary" }, this.summary, this.bar.clearButton),
        ),
        collection.can("create") ? this.#createButton("primary") : null,
      ),
      this.bar.element,
      this.body,
      this.pages,
    );
  }

  async show() {
    fill(this.body, skeleton());
    await this.#load();
  }

  async create() {
    const { entity } = this.#collection;
    const names = this.#collection.filters.map((field) => field.name);
    const preset = Object.fromEntries(Object.entries(this.#params).filter(([name]) => names.includes(name)));
    const stored = await openForm(this.#app, this.#collection, null, preset);
    if (stored) await this.#changed();
    this.element.querySelector('[data-action="create"]')?.focus();
    return entity;
  }

  async #load() {
    const ticket = ++this.#request;
    this.element.setAttribute("aria-busy", "true");
    try {
      const page = await this.#collection.list(this.#query());
      if (ticket !== this.#request) return;
      if (!page.entries.length && this.#offset > 0) {
        await this.#move(Math.max(0, this.#offset - PAGE_SIZE));
        return;
      }
      this.#show(page);
    } catch (error) {
      if (ticket === this.#request) this.#fail(error);
    } finally {
      if (ticket === this.#request) this.element.removeAttribute("aria-busy");
    }
  }

  #query() {
    const { search, sort } = this.#params;
    const names = this.#collection.filters.map((field) => field.name);
    const filters = Object.fromEntries(names.map((name) => [name, this.#params[name] ?? ""]));
    return { search, sort, filters, offset: this.#offset, limit: PAGE_SIZE };
  }

  get #offset() {
    const offset = Number(this.#params.offset ?? 0);
    return Number.isInteger(offset) && offset > 0 ? offset : 0;
  }

  #show({ entries, total }) {
    const { entity } = this.#collection;
    const narrowed = this.bar.active;
    this.summary.textContent = summaryOf(entity, entries, total, narrowed);
    if (!entries.length) fill(this.body, narrowed ? this.#nothingFound() : this.#nothingYet());
    else fill(this.body, this.#table(entries));
    this.#showPages(entries.length, total);
  }

  #table(entries) {
    return entryTable(this.#app, this.#collection, entries, {
      sort: this.#params.sort || this.#collection.defaultSort,
      onSort: (sort) => this.#narrow({ sort }),
      onEdit: (entry, button) => this.#edit(entry, button),
      onDelete: (entry) => this.#remove(entry),
    });
  }

  #fail(error) {
    const again = { label: "Try again", run: () => this.show() };
    const title = `${this.#collection.entity.labelPlural} could not be loaded`;
    this.summary.textContent = "";
    fill(this.body, errorBox(title, messageOf(error), again));
    fill(this.pages);
  }

  async #edit(entry, button) {
    const id = this.#collection.idOf(entry);
    const stored = await openForm(this.#app, this.#collection, entry);
    if (stored) await this.#changed();
    const row = [...this.body.querySelectorAll("[data-row]")].find((one) => one.dataset.id === String(id));
    (row?.querySelector('[data-action="edit"]') ?? button).focus();
  }

  async #remove(entry) {
    const { entity } = this.#collection;
    const title = titleOf(entity, entry);
    const question = {
      title: `Delete this ${entity.label.toLowerCase()}?`,
      text: `“${title}” will be deleted for good.`,
      action: "Delete",
    };
    const done = await confirmed(question, () => this.#collection.remove(this.#collection.idOf(entry)));
    if (!done) return;
    notice(`${entity.label} deleted.`);
    await this.#changed();
    this.element.querySelector("h1").focus();
  }

  async #changed() {
    this.#app.entriesChanged();
    await this.#load();
  }

  #narrow(changes) {
    Object.assign(this.#params, changes, { offset: "" });
    return this.#apply();
  }

  #move(offset) {
    this.#params.offset = offset ? String(offset) : "";
    return this.#apply();
  }

  #apply() {
    const address = makeHash([this.#collection.entity.route], this.#params);
    history.replaceState(null, "", address);
    return this.#load();
  }

  #showPages(shown, total) {
    const first = this.#offset;
    const more = total === null ? shown === PAGE_SIZE : first + shown < total;
    if (!first && !more) {
      fill(this.pages);
      return;
    }
    const range = shown ? `${number(first + 1)}–${number(first + shown)}` : "0";
    fill(
      this.pages,
      h("p", {}, total === null ? range : `${range} of ${number(total)}`),
      this.#pageButton("Previous", ICONS.left, "previous", first > 0, first - PAGE_SIZE),
      this.#pageButton("Next", ICONS.right, "next", more, first + PAGE_SIZE),
    );
  }

  #pageButton(text, picture, action, enabled, offset) {
    const turn = async () => {
      await this.#move(Math.max(0, offset));
      this.element.querySelector("h1").focus();
    };
    const props = { type: "button", class: "button", disabled: !enabled, data: { action }, on: { click: turn } };
    return h("button", props, action === "next" ? [text, icon(picture)] : [icon(picture), text]);
  }

  #createButton(kind) {
    const props = { type: "button", class: `button ${kind}`, data: { action: "create" }, on: { click: () => this.create() } };
    return h("button", props, icon(ICONS.plus), `New ${this.#collection.entity.label.toLowerCase()}`);
  }

  #nothingFound() {
    const clear = { type: "button", class: "button", on: { click: () => this.bar.clear() } };
    return emptyState("Nothing found", "No entry matches the search and the filters.", h("button", clear, "Clear filters"));
  }

  #nothingYet() {
    const { entity } = this.#collection;
    const can = this.#collection.can("create");
    const text = can ? `Create the first ${entity.label.toLowerCase()} to get started.` : "There is nothing to show.";
    const go = { type: "button", class: "button", on: { click: () => this.create() } };
    const button = can ? h("button", go, icon(ICONS.plus), `Add ${entity.label.toLowerCase()}`) : null;
    return emptyState(`No ${entity.labelPlural.toLowerCase()} yet`, text, button);
  }
}

function emptyState(title, text, action) {
  return h("div", { class: "empty" }, icon(ICONS.box), h("h2", {}, title), h("p", {}, text), action);
}

function summaryOf(entity, entries, total, narrowed) {
  if (total === null) return narrowed ? `${counted(entries.length, entity)} found` : "";
  return narrowed ? `${counted(total, entity)} found` : counted(total, entity);
}
