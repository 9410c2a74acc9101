/**
 * The page's API client against running APIs: API_URL_<COMPONENT> names each address.
 * Whatever is created is deleted again where the API can delete.
 */

import assert from "node:assert/strict";
import test from "node:test";

import { ApiError, createClient } from "../js/api.js";
import { Collection } from "../js/collection.js";
import { APP, entityNamed } from "../js/model.js";
import { everyEntity, otherValue, sampleBody, strangeId, withNeeded } from "./samples.mjs";

const addresses = Object.fromEntries(APP.components.map((name) => [name, addressOf(name)]));
const client = createClient(addresses);

function addressOf(component) {
  const variable = `API_URL_${component.toUpperCase().replace(/[^A-Z0-9]/g, "_")}`;
  const address = process.env[variable];
  if (!address) throw new Error(`${variable} is not set; give the address of a running API.`);
  return address;
}

/** Creates an entry and what it refers to, hands it over, and deletes everything again. */
async function withEntry(entity, use) {
  const references = new Map();
  const created = [];
  try {
    for (const name of withNeeded(entity.name)) {
      const collection = new Collection(entityNamed(name), client);
      if (!collection.can("create")) continue;
      const body = sampleBody(collection.entity, references);
      const entry = await collection.create(body);
      created.unshift({ collection, entry });
      references.set(name, collection.idOf(entry));
    }
    const own = created.find((one) => one.collection.entity === entity);
    await use(own.collection, own.entry);
  } finally {
    for (const { collection, entry } of created) {
      if (collection.can("remove")) {
        await collection.remove(collection.idOf(entry)).catch((error) => assert.equal(error.status, 404));
      }
    }
  }
}

/** Whether the entry is on one of the pages of the list. */
async function listed(collection, entry, filters = {}) {
  const limit = Math.min(100, collection.entity.listing.limitMaximum);
  for (let offset = 0; offset < 5000; offset += limit) {
    const { entries } = await collection.list({ filters, offset, limit });
    if (entries.some((one) => collection.idOf(one) === collection.idOf(entry))) return true;
    if (entries.length < limit) return false;
  }
  return false;
}

function refused(status) {
  return (error) => {
    assert.ok(error instanceof ApiError, `expected an ApiError, got ${error}`);
    assert.ok(status.includes(error.status), `expected ${status.join(" or ")}, got ${error.status}`);
    assert.ok(error.message, "an error has words for people");
    return true;
  };
}

for (const entity of everyEntity()) {
  const { operations, plural, label } = entity;

  if (operations.list) {
    test(`${plural}: the list answers with entries`, async () => {
      const { entries, total } = await new Collection(entity, client).list({ limit: 5 });
      assert.ok(Array.isArray(entries));
      assert.ok(total === null || total >= entries.length);
    });
  }

  if (!operations.create) continue;

  test(`${label}: create stores what was sent`, async () => {
    await withEntry(entity, async (collection, entry) => {
      const id = collection.idOf(entry);
      if (!entity.idField) return;
      assert.notEqual(id, undefined, "the created entry has an id");
      if (!operations.read) return;
      const stored = await collection.read(id);
      for (const field of entity.fields.filter((one) => one.creatable && one.name in entry)) {
        assert.deepEqual(stored[field.name], entry[field.name], field.name);
      }
    });
  });

  if (operations.list && entity.idField) {
    test(`${plural}: what was created is listed`, async () => {
      await withEntry(entity, async (collection, entry) => {
        assert.ok(await listed(collection, entry), "the new entry is missing from the list");
      });
    });
  }

  for (const field of new Collection(entity, client).filters.filter((one) => one.creatable)) {
    test(`${plural}: filter by ${field.name}`, async () => {
      await withEntry(entity, async (collection, entry) => {
        const value = entry[field.name];
        if (value === undefined || value === null) return;
        const filters = { [field.name]: value };
        assert.ok(await listed(collection, entry, filters), "the entry with this value is missing");
        const { entries } = await collection.list({ filters, limit: 50 });
        for (const one of entries) assert.deepEqual(one[field.name], value);
      });
    });
  }

  if (operations.update) {
    test(`${label}: update changes one value and keeps the others`, async () => {
      await withEntry(entity, async (collection, entry) => {
        const field = entity.fields.find((one) => one.updatable && !["reference", "json"].includes(one.type));
        if (!field) return;
        const value = otherValue(field, entry[field.name]);
        await collection.update(entry, { [field.name]: value });
        if (!operations.read) return;
        const stored = await collection.read(collection.idOf(entry));
        const kept = entity.fields.find((one) => one.updatable && one !== field && one.name in entry);
        assert.deepEqual(stored[field.name], value, field.name);
        if (kept) assert.deepEqual(stored[kept.name], entry[kept.name], kept.name);
      });
    });
  }

  if (operations.remove && operations.read) {
    test(`${label}: delete removes the entry`, async () => {
      await withEntry(entity, async (collection, entry) => {
        const id = collection.idOf(entry);
        await collection.remove(id);
        await assert.rejects(collection.read(id), refused([404, 410]));
      });
    });
  }

  if (operations.read) {
    test(`${label}: an unknown id is refused with words`, async () => {
      const collection = new Collection(entity, client);
      await assert.rejects(collection.read(strangeId(entity)), refused([400, 404, 410, 422]));
    });
  }

  const needed = entity.fields.find((field) => field.creatable && field.required);
  if (needed) {
    test(`${label}: a body without ${needed.name} is refused`, async () => {
      await withEntry(entity, async (collection, entry) => {
        const body = Object.fromEntries(
          entity.fields.filter((f) => f.creatable && f !== needed && entry[f.name] != null).map((f) => [f.name, entry[f.name]]),
        );
        await assert.rejects(collection.create(body), refused([400, 409, 422]));
      });
    });
  }
}

test("an API that is not there is told apart from one that refuses", async () => {
  const nowhere = createClient("http://127.0.0.1:9");
  const entity = everyEntity().find((one) => one.operations.list);
  if (entity) await assert.rejects(nowhere[entity.operations.list](), refused([0]));
});
