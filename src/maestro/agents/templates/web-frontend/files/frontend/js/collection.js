/**
 * One kind of entry over its API: lists with search, filters, order and pages whether the API
 * offers them or answers with everything at once, and the titles that references are shown by.
 */

import { titleOf } from "./values.js";

const MOST_OPTIONS = 1000;
const FILTERED_TYPES = ["enum", "reference", "boolean", "date"];
const TEXT_TYPES = ["string", "text", "email", "url", "enum"];

export class Collection {
  #entity;
  #client;
  #options = null;
  #titles = new Map();

  constructor(entity, client) {
    this.#entity = entity;
    this.#client = client;
  }

  get entity() {
    return this.#entity;
  }

  can(operation) {
    return operation in this.#entity.operations;
  }

  /** Whether the API hands out pages; otherwise it answers with everything. */
  get paged() {
    const { limit, offset, page } = this.#entity.listing;
    return Boolean(limit && (offset || page));
  }

  get searchable() {
    return this.paged ? Boolean(this.#entity.listing.search) : this.#textFields().length > 0;
  }

  /** Fields whose value can narrow the list. */
  get filters() {
    const offered = this.#entity.listing.filters;
    return this.#entity.fields.filter((field) =>
      this.paged ? offered.includes(field.name) : FILTERED_TYPES.includes(field.type),
    );
  }

  sortable(field) {
    if (!this.paged) return field.type !== "json";
    return this.#entity.listing.sortValues.includes(field.name);
  }

  /** The newest first, where the API can do that. */
  get defaultSort() {
    const orders = this.#entity.listing.sortValues;
    return ["-created_at", "-createdAt", `-${this.#entity.idField}`].find((o) => orders.includes(o)) ?? "";
  }

  /**
   * One page of the list.
   *
   * @returns {Promise<{entries: object[], total: number | null}>} total is null when the API does not say
   */
  async list({ search = "", sort = "", filters = {}, offset = 0, limit = 20 } = {}) {
    if (!this.paged) return this.#localPage({ search, sort, filters, offset, limit });
    const listing = this.#entity.listing;
    const query = { ...filters, [listing.limit]: Math.min(limit, listing.limitMaximum) };
    if (listing.offset) query[listing.offset] = offset;
    else query[listing.page] = Math.floor(offset / limit) + 1;
    if (listing.search && search) query[listing.search] = search;
    if (listing.sort) query[listing.sort] = sort || this.defaultSort;
    const answer = await this.#call("list", query);
    const entries = this.#entriesOf(answer);
    const total = listing.total ? Number(answer[listing.total]) : null;
    this.#remember(entries);
    return { entries, total };
  }

  /** How many entries match. */
  async count(filters = {}) {
    const { entries, total } = await this.list({ filters, limit: 1 });
    return total ?? entries.length;
  }

  async read(id) {
    const entry = await this.#call("read", id);
    this.#remember([entry]);
    return entry;
  }

  async create(values) {
    const entry = await this.#call("create", values);
    this.#options = null;
    return entry ?? values;
  }

  /**
   * Stores changed values. An API that replaces whole entries gets the untouched ones as well.
   */
  async update(original, changes) {
    const names = this.#entity.fields.filter((f) => f.updatable).map((f) => f.name);
    const kept = names.filter((name) => original[name] !== undefined && original[name] !== null);
    const whole = Object.fromEntries(kept.map((name) => [name, original[name]]));
    const body = this.#entity.replaces ? { ...whole, ...changes } : changes;
    const entry = await this.#call("update", this.idOf(original), body);
    this.#forget();
    return entry ?? { ...original, ...changes };
  }

  async remove(id) {
    await this.#call("remove", id);
    this.#forget();
  }

  idOf(entry) {
    return this.#entity.idField ? entry[this.#entity.idField] : undefined;
  }

  /** Everything a reference can point to, as far as a list of choices can hold it. */
  async options() {
    this.#options ??= this.#loadOptions().catch((error) => {
      this.#options = null;
      throw error;
    });
    return this.#options;
  }

  /** The title of the entry with this id; the id itself when the entry cannot be read. */
  async title(id) {
    const key = String(id);
    if (!this.#titles.has(key)) this.#titles.set(key, this.#loadTitle(id));
    return this.#titles.get(key);
  }

  async #loadTitle(id) {
    if (this.can("list")) {
      const { choices } = await this.options();
      const found = choices.find((choice) => String(choice.id) === String(id));
      if (found) return found.title;
    }
    if (!this.can("read")) return `${this.#entity.label} #${id}`;
    const entry = await this.#call("read", id).catch(() => null);
    return entry ? titleOf(this.#entity, entry) : `${this.#entity.label} #${id}`;
  }

  async #loadOptions() {
    const entries = [];
    const { titleField } = this.#entity;
    const sort = titleField && this.#entity.listing.sortValues.includes(titleField) ? titleField : "";
    const limit = this.paged ? Math.min(100, this.#entity.listing.limitMaximum) : MOST_OPTIONS;
    let complete = false;
    while (!complete && entries.length < MOST_OPTIONS) {
      const page = await this.list({ sort, offset: entries.length, limit });
      entries.push(...page.entries);
      complete = page.entries.length < limit || entries.length === page.total;
    }
    const choices = entries.map((entry) => ({ id: this.idOf(entry), title: titleOf(this.#entity, entry) }));
    return { choices, complete };
  }

  async #localPage({ search, sort, filters, offset, limit }) {
    const { limit: most, limitMaximum } = this.#entity.listing;
    const all = this.#entriesOf(await this.#call("list", most ? { [most]: limitMaximum } : {}));
    this.#remember(all);
    const words = search.trim().toLowerCase();
    const wanted = Object.entries(filters).filter(([, value]) => value !== "" && value !== undefined);
    const matching = all.filter(
      (entry) =>
        wanted.every(([name, value]) => String(entry[name]) === String(value)) &&
        (!words || this.#textFields().some((f) => String(entry[f.name] ?? "").toLowerCase().includes(words))),
    );
    if (sort) matching.sort(ordering(sort));
    const cut = Boolean(most) && all.length >= limitMaximum;
    return { entries: matching.slice(offset, offset + limit), total: cut ? null : matching.length };
  }

  #textFields() {
    return this.#entity.fields.filter((field) => TEXT_TYPES.includes(field.type));
  }

  #entriesOf(answer) {
    const { items } = this.#entity.listing;
    const entries = items ? answer?.[items] : answer;
    if (!Array.isArray(entries)) throw new Error(`The list of ${this.#entity.labelPlural} has no entries.`);
    return entries;
  }

  #remember(entries) {
    for (const entry of entries) {
      const id = this.idOf(entry);
      if (id !== undefined) this.#titles.set(String(id), Promise.resolve(titleOf(this.#entity, entry)));
    }
  }

  #forget() {
    this.#options = null;
    this.#titles.clear();
  }

  #call(operation, ...values) {
    return this.#client[this.#entity.operations[operation]](...values);
  }
}

function ordering(sort) {
  const name = sort.replace(/^-/, "");
  const sign = sort.startsWith("-") ? -1 : 1;
  return (one, other) => {
    const [a, b] = [one[name], other[name]];
    if (a === b) return 0;
    if (a === null || a === undefined) return 1;
    if (b === null || b === undefined) return -1;
    const both = typeof a === "number" && typeof b === "number";
    return sign * (both ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true }));
  };
}
