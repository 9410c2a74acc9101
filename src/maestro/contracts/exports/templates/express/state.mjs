// What callers stored, for the resources that the contract lets us recognise.
import { createHash } from "node:crypto";
import { Refused } from "./replies.mjs";

const LIMITS = ["limit", "page_size", "per_page", "size", "max_results"];
const OFFSETS = ["offset", "skip", "start"];
const PAGES = ["page", "page_number"];
const CURSORS = ["cursor", "page_token", "next_token", "continuation_token", "after"];
const SEARCHES = ["q", "query", "search"];
const SORTS = ["sort", "sort_by", "order_by", "ordering"];
const STEERING = new Set([...LIMITS, ...OFFSETS, ...PAGES, ...CURSORS, ...SEARCHES, ...SORTS]);
const NEXT = /^next_(cursor|page|page_token|token)$|^(next|continuation_token)$/;
const EPOCH = Date.UTC(2030, 0, 1);
const MOST = 100_000;

export class State {
  constructor(resources) {
    this.resources = resources;
    this.reset();
  }

  reset() {
    this.stores = this.resources.map((resource) => new Store(resource));
    this.clock = 0;
  }

  // Undefined for operations that belong to no resource.
  handle(operation, asked, sample) {
    const store = this.stores[operation.resource];
    if (!store) return undefined;
    const parents = JSON.stringify(store.parents.map((name) => String(asked.path.get(name))));
    if (operation.action === "create") return this.create(store, parents, operation, asked);
    if (operation.action === "upsert") return this.upsert(store, parents, operation, asked);
    const group = store.group(parents);
    if (operation.action === "list" || operation.action === "find") {
      return { action: "list", value: listed(store, operation, [...group.values()], asked.query, sample) };
    }
    const key = String(asked.path.get(store.idParameter));
    const entry = group.get(key);
    if (!entry) throw new Refused(404, `there is no ${store.name.replaceAll("_", " ")} ${JSON.stringify(key)}`);
    if (operation.action === "delete") {
      this.refuseWhileUsed(store, entry);
      group.delete(key);
      return { action: "delete" };
    }
    if (operation.action === "get") return { action: "get", value: entry };
    return { action: operation.action, value: this.change(store, group, key, asked, operation.action === "replace") };
  }

  create(store, parents, operation, asked) {
    const body = fieldsOf(asked.body);
    this.check(store, body, undefined);
    if (store.all().length >= MOST) throw new Refused(507, `${MOST} entries are stored already; reset the mock`);
    const group = store.group(parents);
    let entry;
    let key;
    do { // an id that we give is a free one
      store.counter += 1;
      entry = this.made(store, body, asked.path);
      key = String(entry[store.idField] ?? store.counter);
    } while (group.has(key) && !Object.hasOwn(body, store.idField));
    if (group.has(key) && Object.hasOwn(operation.replies, "409")) {
      throw new Refused(409, `${JSON.stringify(key)} exists already`);
    }
    group.set(key, entry);
    const number = entry[store.idField];
    if (Number.isInteger(number) && number > store.counter && number < 2 ** 31 - 1) store.counter = number;
    return { action: "create", value: entry, location: location(store, asked.path, key) };
  }

  upsert(store, parents, operation, asked) {
    const key = String(fieldsOf(asked.body)[store.idField] ?? "");
    const group = store.group(parents);
    if (group.has(key)) return { action: "upsert", value: this.change(store, group, key, asked, true) };
    if (Object.hasOwn(operation.replies, "404")) throw new Refused(404, `there is no entry ${JSON.stringify(key)}`);
    return { ...this.create(store, parents, operation, asked), action: "upsert" };
  }

  change(store, group, key, asked, whole) {
    const entry = group.get(key);
    const changes = fieldsOf(asked.body);
    this.check(store, changes, entry);
    let kept = entry;
    if (whole) {
      const fixed = new Set([store.idField, ...store.created]);
      const same = Object.entries(entry).filter(([name]) => fixed.has(name));
      kept = { ...this.made(store, changes, asked.path), ...Object.fromEntries(same) };
    }
    const given = Object.entries(changes).filter(([name]) => name !== store.idField);
    const stamps = store.changed.map((name) => [name, this.now()]);
    const updated = { ...kept, ...Object.fromEntries([...given, ...stamps]) };
    group.set(key, updated);
    return updated;
  }

  made(store, body, path) {
    const fills = new Map(store.fills);
    const entry = [];
    for (const name of store.fields) {
      if (Object.hasOwn(body, name)) entry.push([name, body[name]]);
      else if (name === store.idField) entry.push([name, store.identity()]);
      else if (store.created.includes(name)) entry.push([name, this.now()]);
      else if (path.has(name)) entry.push([name, path.get(name)]);
      else if (fills.has(name)) entry.push([name, fills.get(name)]);
    }
    return { ...Object.fromEntries(entry), ...body };
  }

  // References lead somewhere and unique values are free.
  check(store, body, own) {
    for (const [name, target] of store.references) {
      const value = Object.hasOwn(body, name) ? body[name] : null;
      const other = this.stores.find((one) => one.name === target);
      if (value !== null && other && !other.all().some((entry) => entry[other.idField] === value)) {
        throw new Refused(409, `${name} ${JSON.stringify(value)} leads to no ${target}`);
      }
    }
    for (const name of store.unique) {
      const value = Object.hasOwn(body, name) ? body[name] : null;
      const text = JSON.stringify(value);
      if (value !== null && store.all().some((entry) => entry !== own && JSON.stringify(entry[name]) === text)) {
        throw new Refused(409, `${name} ${text} is taken already`);
      }
    }
  }

  refuseWhileUsed(store, entry) {
    for (const other of this.stores) {
      const names = other.references.filter(([, target]) => target === store.name).map(([name]) => name);
      if (other.all().some((one) => names.some((name) => one[name] === entry[store.idField]))) {
        throw new Refused(409, `a ${other.name.replaceAll("_", " ")} still refers to it`);
      }
    }
  }

  now() {
    this.clock += 1;
    return new Date(EPOCH + this.clock * 1000).toISOString().replace(".000Z", "Z");
  }
}

class Store {
  constructor(resource) {
    Object.assign(this, resource);
    this.counter = 0;
    this.groups = new Map();
  }

  group(parents) {
    if (!this.groups.has(parents)) this.groups.set(parents, new Map());
    return this.groups.get(parents);
  }

  all() {
    return [...this.groups.values()].flatMap((group) => [...group.values()]);
  }

  identity() {
    if (this.id.kind === "number") return this.counter;
    if (this.id.kind === "text") return this.id.stem ? `${this.id.stem}-${this.counter}` : String(this.counter);
    const hex = createHash("sha1").update(`${this.name}/${this.counter}`).digest("hex");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  }
}

const fieldsOf = (body) => (body && typeof body === "object" && !Array.isArray(body) ? body : {});

const snake = (name) =>
  name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/([A-Z])([A-Z][a-z])/g, "$1_$2").toLowerCase().replace(/[^a-z0-9]+/g, "_");

function location(store, path, key) {
  if (!store.itemPath) return "";
  return store.itemPath.replace(/\{([^{}/]+)\}/g, (_, name) =>
    encodeURIComponent(name === store.idParameter ? key : String(path.get(name))),
  );
}

// A list as it is asked for: narrowed, searched, ordered, cut into pages, wrapped.
function listed(store, operation, entries, query, sample) {
  const asked = new Map([...query].map(([name, value]) => [snake(name), value]));
  const names = new Map(store.fields.map((name) => [snake(name), name]));
  const found = ordered(entries.filter((entry) => matches(store, entry, asked, names)), asked, names);
  const limit = firstNumber(asked, LIMITS);
  const page = firstNumber(asked, PAGES);
  const cursor = Number(CURSORS.map((name) => asked.get(name)).find((value) => /^[0-9]+$/.test(String(value))) ?? 0);
  const offset = page !== undefined && limit !== undefined ? Math.max(page - 1, 0) * limit : firstNumber(asked, OFFSETS) ?? cursor;
  const shown = found.slice(offset, limit === undefined ? undefined : offset + limit);
  if (!store.items || !operation.wraps.some(([name]) => name === store.items)) return shown;
  const next = offset + shown.length < found.length ? String(offset + shown.length) : null;
  return wrapped(store, operation, shown, { total: found.length, asked, next, sample });
}

// The properties of the reply around the entries; `wraps` tells whether each is required and may be null.
function wrapped(store, operation, shown, { total, asked, next, sample }) {
  const made = [];
  for (const [name, required, nullable] of operation.wraps) {
    const plain = snake(name);
    if (name === store.items) made.push([name, shown]);
    else if (name === store.total) made.push([name, total]);
    else if (NEXT.test(plain) && (next !== null || nullable)) made.push([name, next]);
    else if (asked.has(plain)) made.push([name, asked.get(plain)]);
    else if (required) made.push([name, sample(name)]);
  }
  return Object.fromEntries(made);
}

function matches(store, entry, asked, names) {
  for (const [name, value] of asked) {
    if (SEARCHES.includes(name) && !names.has(name)) {
      const wanted = String(value).toLowerCase();
      if (!store.searched.some((field) => String(entry[field] ?? "").toLowerCase().includes(wanted))) return false;
    } else if (names.has(name) && !STEERING.has(name) && !same(entry[names.get(name)], value)) {
      return false;
    }
  }
  return true;
}

function same(stored, asked) {
  if (Array.isArray(asked)) return asked.some((one) => same(stored, one));
  if (Array.isArray(stored)) return stored.some((one) => same(one, asked));
  if (stored && typeof stored === "object") return asked === stored.name || asked === stored.id;
  return stored === asked;
}

// Missing values come first; ties stay in the order of creation.
function ordered(entries, asked, names) {
  const order = SORTS.map((name) => asked.get(name)).find((value) => typeof value === "string") ?? "";
  const name = order && names.get(snake(order.replace(/^[-+]+/, "")));
  if (!name) return entries;
  const rank = (entry) => entry[name] ?? null;
  const sorted = [...entries].sort((left, right) => compared(rank(left), rank(right)));
  return order.startsWith("-") ? sorted.reverse() : sorted;
}

function compared(left, right) {
  if (left === null || right === null) return (left !== null) - (right !== null);
  if (typeof left === "number" && typeof right === "number") return left - right;
  return String(left) < String(right) ? -1 : Number(String(left) > String(right));
}

function firstNumber(asked, names) {
  return names.map((name) => asked.get(name)).find((value) => Number.isInteger(value) && value >= 0);
}
