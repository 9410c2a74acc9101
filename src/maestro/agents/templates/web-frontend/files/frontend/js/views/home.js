/**
 * The overview: how many entries there are, how they are spread, what is new.
 */

import { fill, h, icon } from "../dom.js";
import { messageOf } from "../feedback.js";
import { ICONS } from "../icons.js";
import { APP } from "../model.js";
import { makeHash } from "../route.js";
import { agoText, number, titleOf, words } from "../values.js";
import { HUES, entityHue } from "./cells.js";

const MOST_RECENT = 6;
const MOST_CHARTS = 3;
const MOST_BARS = 8;
const STAMP = /^created_?at$/i;

export class HomeView {
  #app;

  constructor(app) {
    this.#app = app;
    this.element = h("section", { class: "home", "aria-labelledby": "view-title" });
  }

  async show() {
    const listed = this.#app.collections().filter((collection) => collection.can("list"));
    const tiles = listed.map((collection) => new Tile(collection));
    const charts = listed.flatMap((collection) => chartsOf(collection)).slice(0, MOST_CHARTS);
    const recent = h("div", { class: "recent" });
    fill(
      this.element,
      h(
        "header",
        { class: "view-header" },
        h("div", {}, h("h1", { id: "view-title", tabindex: "-1" }, APP.title), h("p", { class: "summary" }, "Overview")),
      ),
      h("ul", { class: "tiles" }, tiles.map((tile) => tile.element)),
      h(
        "div",
        { class: "columns" },
        charts.length ? h("div", { class: "stack" }, charts.map((chart) => chart.element)) : null,
        h("section", { class: "card" }, h("h2", {}, "Recently added"), recent),
      ),
    );
    await Promise.all([
      ...tiles.map((tile) => tile.load()),
      ...charts.map((chart) => chart.load()),
      showRecent(listed, recent),
    ]);
  }
}

/** The number of entries of one kind, with the way to them. */
class Tile {
  constructor(collection) {
    const { entity } = collection;
    this.collection = collection;
    this.count = h("p", { class: "tile-count" }, "…");
    const add = collection.can("create")
      ? h(
          "a",
          { class: "icon-button", href: makeHash([entity.route, "new"]), "aria-label": `New ${entity.label.toLowerCase()}` },
          icon(ICONS.plus),
        )
      : null;
    this.element = h(
      "li",
      { class: `card tile hue-${entityHue(entity)}` },
      h("a", { href: makeHash([entity.route]) }, h("span", { class: "tile-label" }, entity.labelPlural), this.count),
      add,
    );
  }

  async load() {
    try {
      this.count.textContent = number(await this.collection.count());
    } catch (error) {
      fill(this.count, h("span", { class: "field-error" }, messageOf(error)));
    }
  }
}

/** How the entries are spread over the choices of one field. */
class Spread {
  constructor(collection, field) {
    this.collection = collection;
    this.field = field;
    this.body = h("div", { class: "spread" });
    const title = `${collection.entity.labelPlural} by ${field.label.toLowerCase()}`;
    this.element = h("section", { class: "card" }, h("h2", {}, title), this.body);
  }

  async load() {
    try {
      const counts = await Promise.all(
        this.field.values.map((value) => this.collection.count({ [this.field.name]: value })),
      );
      fill(this.body, this.#bars(counts));
    } catch (error) {
      fill(this.body, h("p", { class: "field-error" }, messageOf(error)));
    }
  }

  #bars(counts) {
    const all = Math.max(counts.reduce((sum, count) => sum + count, 0), 1);
    const { entity } = this.collection;
    return h(
      "ul",
      { class: "plain" },
      this.field.values.map((value, index) => {
        const bar = h("span", { class: `bar hue-${(index % HUES) + 1}` });
        bar.style.setProperty("--share", String(counts[index] / all));
        const address = makeHash([entity.route], { [this.field.name]: value });
        const label = h("span", { class: "spread-label" }, words(value));
        const amount = h("span", { class: "spread-count" }, number(counts[index]));
        return h("li", {}, h("a", { href: address }, label, h("span", { class: "track" }, bar), amount));
      }),
    );
  }
}

/** A chart for each field of choices; without a total from the API nothing can be counted. */
function chartsOf(collection) {
  if (collection.paged && !collection.entity.listing.total) return [];
  const fields = collection.filters.filter((one) => one.type === "enum" && one.values.length <= MOST_BARS);
  return fields.slice(0, 2).map((field) => new Spread(collection, field));
}

async function showRecent(collections, place) {
  const stamped = collections.filter((one) => one.entity.fields.some((field) => STAMP.test(field.name)));
  const answers = await Promise.allSettled(stamped.map((one) => one.list({ limit: MOST_RECENT })));
  const found = answers.flatMap((answer, index) =>
    answer.status === "fulfilled"
      ? answer.value.entries.map((entry) => ({ collection: stamped[index], entry, at: stampOf(stamped[index], entry) }))
      : [],
  );
  found.sort((one, other) => String(other.at).localeCompare(String(one.at)));
  if (!found.length) {
    fill(place, h("p", { class: "hint" }, "Nothing yet. What you add shows up here."));
    return;
  }
  fill(place, h("ul", { class: "plain" }, found.slice(0, MOST_RECENT).map(recentItem)));
}

function stampOf({ entity }, entry) {
  return entry[entity.fields.find((field) => STAMP.test(field.name)).name] ?? "";
}

function recentItem({ collection, entry, at }) {
  const { entity } = collection;
  return h(
    "li",
    {},
    h("span", { class: `badge hue-${entityHue(entity)}` }, entity.label),
    h("a", { href: makeHash([entity.route, collection.idOf(entry)]) }, titleOf(entity, entry)),
    at ? h("time", { datetime: at }, agoText(at)) : null,
  );
}
