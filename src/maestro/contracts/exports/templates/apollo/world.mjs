// What there is behind the schema: seeded entries, and what mutations create, change and delete.
import {
  getNamedType, getNullableType, GraphQLError, isLeafType, isListType, isNonNullType, isObjectType,
} from "graphql";

const LIMITS = ["first", "limit", "take", "pageSize", "perPage", "size"];
const OFFSETS = ["offset", "skip", "start"];

export class World {
  constructor(schema, told) {
    this.schema = schema;
    this.told = told;
    this.entities = new Map(Object.entries(told.entities));
    this.keys = new Map([...this.entities].map(([name, { seeds }]) => [name, new Map(seeds.map((key) => [String(key), key]))]));
    this.counters = new Map([...this.entities].map(([name, { seeds }]) => [name, seeds.length]));
  }

  open(store) {
    this.store = store;
  }

  policies() {
    return Object.fromEntries([...this.entities].map(([name, { key }]) => [name, { keyFieldName: key || false }]));
  }

  // A mock for every scalar and enum, and one for every field whose name promises something.
  mocks() {
    const made = { String: cycle(["sample"]), ID: cycle(["1"]), Int: cycle([1, 2, 3]), Float: cycle([1.5, 2.5]), Boolean: cycle([true]) };
    for (const [name, samples] of Object.entries({ ...this.told.scalars, ...this.told.enums })) made[name] = cycle(samples);
    for (const [name, fields] of Object.entries(this.told.fields)) {
      const samples = Object.entries(fields).map(([field, values]) => [field, cycle(values)]);
      made[name] = Object.fromEntries([...samples, ...this.relations(name), ...this.keyMock(name)]);
    }
    return made;
  }

  keyMock(name) {
    const key = this.entities.get(name)?.key;
    return key ? [[key, () => this.fresh(name)]] : [];
  }

  // Fields that lead to entries lead to some that are there.
  relations(name) {
    return Object.values(this.schema.getType(name)?.getFields?.() ?? {}).flatMap((field) => {
      const target = getNamedType(field.type).name;
      if (!this.entities.has(target)) return [];
      let turn = 0;
      const one = () => {
        const keys = [...this.keys.get(target).values()];
        return keys.length ? ref(target, keys[turn++ % keys.length]) : undefined;
      };
      const nullable = getNullableType(field.type);
      if (!isListType(nullable)) return [[field.name, one]];
      return isListType(getNullableType(nullable.ofType)) ? [] : [[field.name, () => [one()].filter(Boolean)]];
    });
  }

  resolvers() {
    const roots = [
      [this.schema.getQueryType(), this.told.queries, this.query],
      [this.schema.getMutationType(), this.told.mutations, this.mutation],
    ];
    return Object.fromEntries(roots.filter(([root]) => root).map(([root, roles, resolve]) => [
      root.name,
      Object.fromEntries(Object.entries(roles).map(([name, role]) => [name, (_, args) => resolve.call(this, role, args)])),
    ]));
  }

  query(role, args) {
    if (role.use === "item" && args[role.key] != null) {
      const found = this.find(role.possible, args[role.key]);
      if (found) return found;
      if (role.nullable) return null;
      throw notFound(args[role.key]);
    }
    const wanted = role.many ? new Set((args[role.key] ?? []).map(String)) : undefined;
    const all = role.possible.flatMap((name) => [...this.keys.get(name).values()].map((key) => ref(name, key)))
      .filter(({ $ref }) => !wanted || wanted.has(String($ref.key)))
      .filter((entry) => role.filters.every((name) => args[name] == null || this.value(entry, name) === args[name]));
    if (role.use === "count") return all.length;
    if (role.use === "lookup" || role.use === "item") {
      if (all.length || role.nullable) return all[0] ?? null;
      throw notFound("of that kind");
    }
    return this.page(role, args, all);
  }

  page({ use, shape }, args, all) {
    const limit = firstNumber(args, LIMITS) ?? all.length;
    const after = /^entry-([0-9]+)$/.exec(args.after ?? "");
    const offset = firstNumber(args, OFFSETS) ?? (after ? Number(after[1]) + 1 : 0);
    const shown = all.slice(offset, offset + limit);
    if (use === "list") return shown;
    const cursor = (place) => `entry-${offset + place}`;
    const made = [...shape.lists.map((name) => [name, shown]), ...shape.totals.map((name) => [name, all.length])];
    if (shape.edges) made.push([shape.edges, shown.map((entry, place) => ({ [shape.node]: entry, cursor: cursor(place) }))]);
    if (shape.pageInfo) {
      made.push([shape.pageInfo, {
        hasNextPage: offset + shown.length < all.length,
        hasPreviousPage: offset > 0,
        startCursor: shown.length ? cursor(0) : null,
        endCursor: shown.length ? cursor(shown.length - 1) : null,
      }]);
    }
    return Object.fromEntries(made);
  }

  mutation(role, args) {
    const type = this.schema.getType(role.entity);
    const given = role.layout.map(({ path, key }) => [path, key, path.reduce((value, name) => value?.[name], args)]);
    const asked = given.find(([, key, value]) => key && value != null)?.[2];
    const values = Object.fromEntries(given.filter(([, key, value]) => !key && value !== undefined).map(([path, , value]) => [path.at(-1), value]));
    const existing = asked == null ? undefined : this.find([role.entity], asked);
    if (role.effect === "delete") {
      if (!existing) return this.missing(role, asked);
      this.keys.get(role.entity).delete(String(existing.$ref.key));
      return this.answered(role, existing);
    }
    if (role.effect === "update" && !existing) return this.missing(role, asked);
    const entry = existing ?? this.made(role.entity, asked);
    for (const [name, value] of Object.entries({ ...this.laid(type, values), ...role.reached })) this.store.set(entry, name, value);
    return this.answered(role, entry);
  }

  made(name, asked) {
    const key = asked ?? this.fresh(name);
    this.keys.get(name).set(String(key), key);
    return ref(name, key);
  }

  // A key nobody has: the next number, or the sample with a number behind it.
  fresh(name) {
    const { seeds } = this.entities.get(name);
    const count = this.counters.get(name) + 1;
    this.counters.set(name, count);
    const first = seeds[0];
    if (typeof first === "number") return Math.max(...seeds) + count;
    if (/^[0-9]+$/.test(first)) return String(count);
    if (/^[0-9a-f-]{36}$/.test(first)) return first.slice(0, 24) + count.toString(16).padStart(12, "0");
    return `${first}-${count}`;
  }

  missing({ answer }, key) {
    if (answer.kind === "truth") return false;
    if (answer.nullable) return null;
    throw notFound(key);
  }

  // Undefined leaves the answer to the mocks of its type.
  answered({ answer }, entry) {
    if (answer.kind === "entity") return entry;
    if (answer.kind === "truth") return true;
    if (answer.kind === "key") return entry.$ref.key;
    if (answer.kind === "other") return undefined;
    const carried = answer.carried ? { [answer.carried]: entry } : {};
    return { __typename: answer.type, ...answer.around, ...carried };
  }

  find(possible, key) {
    const owner = possible.find((name) => this.keys.get(name).has(String(key)));
    return owner && ref(owner, this.keys.get(owner).get(String(key)));
  }

  value(entry, name) {
    return this.store.get(entry, name);
  }

  // The values of an object out of an input: same names, and `customerId` for `customer`.
  laid(type, given) {
    const fields = type.getFields();
    const made = [];
    for (const [name, value] of Object.entries(given)) {
      const stem = name.replace(/(_id|Id|ID)$/, "");
      if (Object.hasOwn(fields, name)) made.push([name, this.storable(fields[name].type, value)]);
      else if (stem !== name && Object.hasOwn(fields, stem) && value != null) {
        const target = getNullableType(fields[stem].type);
        const found = this.entities.has(target.name) ? this.find([target.name], value) : undefined;
        if (found) made.push([stem, found]);
      }
    }
    return Object.fromEntries(made.filter(([, value]) => value !== undefined));
  }

  storable(type, value) {
    if (value === null) return isNonNullType(type) ? undefined : null;
    const nullable = getNullableType(type);
    if (isListType(nullable)) {
      if (!Array.isArray(value)) return undefined;
      const entries = value.map((entry) => this.storable(nullable.ofType, entry));
      return entries.includes(undefined) ? undefined : entries;
    }
    if (isObjectType(nullable)) return value && typeof value === "object" ? this.laid(nullable, value) : undefined;
    if (!isLeafType(nullable)) return undefined;
    try {
      nullable.serialize(value);
      return value;
    } catch {
      return undefined;
    }
  }
}

const ref = (typeName, key) => ({ $ref: { key, typeName } });

const notFound = (key) => new GraphQLError(`there is no entry ${JSON.stringify(key)}`, { extensions: { code: "NOT_FOUND" } });

function cycle(samples) {
  let turn = 0;
  return () => samples[turn++ % samples.length];
}

const firstNumber = (args, names) => names.map((name) => args[name]).find((value) => Number.isInteger(value) && value >= 0);
