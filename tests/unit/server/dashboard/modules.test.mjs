// The pure modules of the dashboard, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";

const place = new URL("../../../../src/maestro/server/dashboard/static/js/", import.meta.url);
const { ago, bytes, count, duration, grouped, json, money, scalar, score, sentence, shorten, words } = await import(new URL("format.js", place));
const { MOST_PER_COLUMN, NODE, allNeeds, depths, inOrder, layout, reduced } = await import(new URL("layout.js", place));
const { matrix } = await import(new URL("matrix.js", place));
globalThis.sessionStorage = { getItem: () => null };
const { post } = await import(new URL("api.js", place));
const { href, isIdentifier, parse } = await import(new URL("address.js", place));
const { asking } = await import(new URL("asking.js", place));
const { growing } = await import(new URL("growing.js", place));
const { heldEverywhere, heldIn } = await import(new URL("projects.js", place));
const { attemptsOf, axis } = await import(new URL("timeline.js", place));

const step = (id, needs = [], more = {}) => ({ id, needs, parent: null, title: id, phase: "", persona: "", status: "succeeded", attempt: 1, ...more });

test("durations are told in the unit that fits", () => {
  assert.deepEqual([0.0421, 0.9999, 9.94, 9.96, 59.4, 59.6, 125, 3725, 90_000].map(duration), ["42 ms", "1.0 s", "9.9 s", "10 s", "59 s", "1 min 00 s", "2 min 05 s", "1 h 02 min", "1 d 1 h"]);
});

test("what is unknown is never a number", () => {
  for (const value of [null, undefined, Number.NaN, Infinity, "3"]) {
    assert.deepEqual([duration, money, bytes, score].map((tell) => tell(value)), ["unknown", "unknown", "unknown", "unknown"]);
  }
  assert.equal(ago(null, 0), "unknown");
});

test("money, sizes and counts", () => {
  assert.deepEqual([0, 0.004, 1.239].map(money), ["$0", "under $0.01", "$1.24"]);
  assert.deepEqual([9999, 20_000_000, null].map(grouped), ["9999", "20,000,000", "unknown"]);
  assert.deepEqual([999, 1500, 25_400, 2_340_000].map(bytes), ["999 B", "1.5 kB", "25 kB", "2.3 MB"]);
  assert.deepEqual([count(1, "step"), count(0, "step"), count(2, "entry", "entries")], ["1 step", "0 steps", "2 entries"]);
});

test("slugs become words, and names stay names", () => {
  assert.equal(words("qa_engineer"), "QA engineer");
  assert.equal(sentence("backend_implementation"), "Backend implementation");
  assert.equal(sentence("api_design"), "API design");
  assert.equal(shorten("a long text", 7), "a long…");
});

test("values are told as text, whatever they are", () => {
  assert.deepEqual([null, undefined, true, 0.123456, 12, "x", { a: 1 }].map(scalar), ["–", "–", "true", "0.1235", "12", "x", '{"a":1}']);
  assert.equal(json(undefined), "");
});

test("steps come after what they need, and a parent after its children", () => {
  const needs = allNeeds([step("end", ["a"]), step("a"), step("child", ["a"], { parent: "end" }), step("lost", ["gone"])]);
  assert.deepEqual(needs.get("end"), ["a", "child"]);
  assert.deepEqual(needs.get("lost"), []);
  const order = inOrder(needs);
  assert.ok(order.indexOf("end") > order.indexOf("child"));
  assert.equal(depths(needs, order).get("end"), 2);
});

test("an arrow that others imply is not drawn", () => {
  const steps = [step("a"), step("b", ["a"]), step("c", ["a", "b"])];
  const needs = allNeeds(steps);
  const order = inOrder(needs);
  assert.deepEqual(reduced(needs, order, depths(needs, order)).get("c"), ["b"]);
  assert.deepEqual(layout(steps).edges.map((edge) => edge.key).sort(), ["a>b", "b>c"]);
});

test("reduction reaches beyond the first word of bits", () => {
  const chain = Array.from({ length: 80 }, (_, at) => step(`s${at}`, at ? [`s${at - 1}`] : []));
  const last = step("last", ["s2", "s40", "s79"]);
  const drawn = layout([...chain, last], { selected: "last" });
  assert.deepEqual(drawn.edges.filter((edge) => edge.to === "last").map((edge) => edge.ids), [["s79", "last"]]);
});

test("no two steps lie on one another, and arrows end at steps", () => {
  const steps = Array.from({ length: 60 }, (_, at) => step(`s${at}`, at > 5 ? [`s${at - 5}`, `s${at - 3}`] : [], { phase: `p${at % 7}` }));
  const drawn = layout(steps);
  assert.equal(drawn.columns.length, 7);
  const places = new Set(drawn.nodes.map((node) => `${node.x} ${node.y}`));
  assert.equal(places.size, drawn.nodes.length);
  const keys = new Set(drawn.nodes.map((node) => node.key));
  assert.ok(drawn.edges.every((edge) => keys.has(edge.from) && keys.has(edge.to)));
  assert.ok(drawn.nodes.every((node) => node.x + NODE.width <= drawn.width && node.y + NODE.height <= drawn.height));
});

test("a long column is folded by status, but what needs eyes is seen", () => {
  const many = Array.from({ length: 40 }, (_, at) => step(`s${at}`, [], { status: at === 7 ? "failed" : at < 20 ? "succeeded" : "pending" }));
  const drawn = layout(many);
  assert.ok(drawn.nodes.length < MOST_PER_COLUMN);
  assert.deepEqual(drawn.nodes.filter((node) => node.step).map((node) => node.step.id), ["s7"]);
  assert.equal(drawn.nodes.reduce((sum, node) => sum + node.ids.length, 0), 40);
  const [fold] = drawn.nodes.filter((node) => node.fold);
  assert.equal(layout(many, { unfolded: new Set([fold.key]) }).nodes.length, drawn.nodes.length + fold.fold.steps.length);
  assert.ok(layout(many, { selected: "s30" }).nodes.some((node) => node.step?.id === "s30"));
});

const event = (kind, seconds, id = "a", attempt = 1) => ({ kind, at: new Date(seconds * 1000).toISOString(), step_id: id, attempt });

test("attempts are read from events, also one that broke off", () => {
  const found = attemptsOf([event("step.started", 0), event("step.retrying", 2), event("step.started", 3, "a", 2), event("step.interrupted", 4, "a", 2), event("step.started", 5, "a", 3), event("run.paused", 6, null)]);
  assert.deepEqual(found.get("a").map((one) => [one.number, one.status, one.start, one.end]), [[1, "failed", 0, 2000], [2, "interrupted", 3000, 3000], [3, "running", 5000, null]]);
});

test("an interrupted attempt ends with its process, not when somebody took the run up again", () => {
  const night = 30_000;
  const killed = attemptsOf([event("run.started", 0, null), event("step.started", 1), event("step.progress", 8), event("run.resumed", night, null), event("step.interrupted", night), event("step.started", night + 1, "a", 2), event("step.succeeded", night + 4, "a", 2)]);
  assert.deepEqual(killed.get("a").map((one) => [one.status, one.start, one.end]), [["interrupted", 1000, 8000], ["succeeded", 30_001_000, 30_004_000]]);
  const silent = attemptsOf([event("step.started", 1), event("run.resumed", night, null), event("step.started", night, "a", 2)]);
  assert.deepEqual(silent.get("a").map((one) => [one.status, one.end]), [["interrupted", 1000], ["running", null]]);
});

test("waiting for a person is told apart from work", () => {
  const found = attemptsOf([event("step.awaiting", 1), event("step.succeeded", 9)]);
  assert.deepEqual(found.get("a"), [{ number: 1, status: "succeeded", start: 1000, end: 9000 }]);
});

test("the axis is in order, and folds long idle stretches", () => {
  const bars = [{ start: 0, end: 10_000 }, { start: 1_000_000, end: 1_010_000 }];
  const scale = axis(bars, 0);
  assert.equal(scale.breaks.length, 1);
  assert.equal(scale.breaks[0].seconds, 990);
  const places = [0, 5_000, 10_000, 500_000, 1_000_000, 1_010_000].map(scale.position);
  assert.deepEqual([...places].sort((a, b) => a - b), places);
  assert.deepEqual([places[0], places.at(-1)], [0, 1]);
  assert.ok(places[4] - places[2] < 0.1);
});

test("a short pause is not folded, and an open bar reaches to now", () => {
  const scale = axis([{ start: 0, end: 4000 }, { start: 6000, end: null }], 10_000);
  assert.deepEqual(scale.breaks, []);
  assert.equal(scale.position(5000), 0.5);
  assert.equal(scale.end, 10_000);
});

test("checks form a matrix of operations and kinds", () => {
  const check = (id, passed = true) => ({ id, passed, statement: id, detail: "" });
  const told = matrix({ operations: { "GET /tasks": true, "DELETE /tasks/{id}": false }, checks: [check("bad_query GET /tasks q"), check("bad_query GET /tasks limit", false), check("answers POST /tasks"), check("deliverable.page")] });
  assert.deepEqual(told.kinds, ["bad_query", "answers"]);
  assert.deepEqual(told.rows.map((row) => [row.operation, row.tested]), [["GET /tasks", true], ["POST /tasks", true], ["DELETE /tasks/{id}", false]]);
  const cell = told.rows[0].cells.get("bad_query");
  assert.deepEqual([cell.passed, cell.failed.map((one) => one.id)], [1, ["bad_query GET /tasks limit"]]);
  assert.deepEqual(told.others.map((one) => one.id), ["deliverable.page"]);
});

test("addresses are read and written, also crooked ones", () => {
  assert.deepEqual(parse(href(["runs", "run-1", "log"], { q: "a b&c", step: "" })), { parts: ["runs", "run-1", "log"], query: { q: "a b&c" } });
  assert.deepEqual(parse("").parts, ["runs"]);
  assert.deepEqual(parse("#/runs/%").parts, ["runs", "%"]);
});

test("a crafted link names no other resource", () => {
  const [, forged] = parse("#/runs/run-1%2Fartefacts%2Fsha256:00/steps").parts;
  assert.equal(forged, "run-1/artefacts/sha256:00");
  assert.deepEqual([forged, "../me", "run-1?x", "%", "Run", "", undefined, "a".repeat(129)].filter(isIdentifier), []);
  assert.ok(["run-0a1b2c3d4e5f", "backend-api", "a.b_c"].every(isIdentifier));
});

/** A request that ends when told to. */
function held() {
  const one = { asked: 0 };
  one.load = () => new Promise((resolve, reject) => Object.assign(one, { asked: one.asked + 1, resolve, reject }));
  return one;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("one request at a time, and once more for all that was asked meanwhile", async () => {
  const told = [];
  const line = asking((answer) => told.push(answer));
  const [first, second] = [held(), held()];
  const done = line.ask(first.load);
  await settled();
  line.ask(first.load);
  line.ask(second.load);
  await settled();
  assert.deepEqual([first.asked, second.asked], [1, 0]);
  first.resolve("old");
  await settled();
  assert.deepEqual([first.asked, second.asked, told], [1, 1, [{ data: "old", error: null }]]);
  second.reject("broken");
  await done;
  assert.deepEqual(told[1], { error: "broken" }); // says nothing of data: what was there stays
  line.ask(first.load);
  await settled();
  assert.equal(first.asked, 2);
});

test("a late answer to what is no longer asked for is dropped", async () => {
  const told = [];
  const line = asking((answer) => told.push(answer));
  const [late, wanted] = [held(), held()];
  line.ask(late.load);
  await settled();
  line.forget();
  line.ask(wanted.load);
  await settled();
  wanted.resolve("new");
  late.resolve("late");
  await settled();
  assert.deepEqual(told, [{ data: "new", error: null }]);
});

/** A list of the numbers below `newest`, three to a page; each request ends when told to. */
function numbers(newest) {
  const server = { newest, asked: [], waiting: [] };
  server.page = ({ cursor, etag }) => new Promise((resolve, reject) => {
    server.asked.push(cursor);
    const from = cursor ?? server.newest;
    const items = [from, from - 1, from - 2].filter((id) => id > 0).map((id) => ({ id }));
    const answer = etag === `"${server.newest}"` ? null : { body: { items, next: from > 3 ? from - 3 : null }, etag: cursor ? null : `"${server.newest}"` };
    server.waiting.push({ answer: () => resolve(answer), refuse: () => reject(new Error("away")) });
  });
  server.answer = async () => {
    for (const one of server.waiting.splice(0)) one.answer();
    await settled();
  };
  const told = [];
  const list = growing(server.page, (state) => told.push(state));
  const ids = () => told.at(-1).items.map((one) => one.id);
  return { server, list, told, ids };
}

const asked = async (act) => {
  act();
  await settled();
};

test("an older page is asked for once, however often it is wanted meanwhile", async () => {
  const { server, list, ids } = numbers(9);
  await asked(list.refresh);
  await server.answer();
  await asked(list.more);
  await asked(list.more);
  await server.answer();
  assert.deepEqual([ids(), server.asked], [[9, 8, 7, 6, 5, 4], [null, 6]]);
  await asked(list.more);
  await server.answer();
  assert.deepEqual(ids(), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
  await asked(list.more);
  assert.equal(server.asked.length, 3); // there is no older one
});

test("what is new comes on top, and what was pushed out of the first page stays below", async () => {
  const { server, list, ids } = numbers(9);
  await asked(list.refresh);
  await server.answer();
  await asked(list.more);
  server.newest = 10;
  await asked(list.refresh);
  await asked(list.refresh); // waits for the one before: no answer overtakes another
  assert.deepEqual(server.asked, [null, 6, null]);
  await server.answer();
  await server.answer();
  assert.deepEqual(ids(), [10, 9, 8, 7, 6, 5, 4]);
});

test("where much is new the list begins again, so that nothing is missing in it", async () => {
  const { server, list, told, ids } = numbers(6);
  await asked(list.refresh);
  await server.answer();
  await asked(list.more);
  server.newest = 20;
  await asked(list.refresh);
  const [late, fresh] = server.waiting.splice(0);
  fresh.answer();
  await settled();
  late.answer();
  await settled();
  assert.deepEqual([ids(), told.at(-1).next], [[20, 19, 18], 17]);
});

test("a failure is told, and what was shown stays", async () => {
  const { server, list, told, ids } = numbers(9);
  await asked(list.refresh);
  await server.answer();
  await asked(list.refresh);
  server.waiting.splice(0)[0].refuse();
  await settled();
  assert.deepEqual([told.at(-1).error.message, ids()], ["away", [9, 8, 7]]);
  await asked(list.refresh);
  await server.answer(); // nothing has changed
  assert.deepEqual([told.at(-1).error, ids()], [null, [9, 8, 7]]);
  const failed = list.more();
  server.waiting.splice(0)[0].refuse();
  await assert.rejects(failed, /away/);
  await asked(list.more);
  await server.answer();
  assert.deepEqual(ids(), [9, 8, 7, 6, 5, 4]);
});

test("what an older page tells again stands there once", async () => {
  const told = [];
  const pages = { null: { items: [{ id: "a" }, { id: "b" }], next: "2" }, 2: { items: [{ id: "b" }, { id: "c" }], next: null } };
  const list = growing(async ({ cursor }) => ({ body: pages[cursor], etag: null }), (state) => told.push(state));
  await list.refresh();
  await list.more();
  assert.deepEqual(told.at(-1).items.map((one) => one.id), ["a", "b", "c"]);
});

test("answers for a list that was left are dropped", async () => {
  const { server, list, told } = numbers(9);
  await asked(list.refresh);
  await server.answer();
  await asked(list.more);
  await asked(list.refresh);
  list.forget();
  await server.answer();
  assert.equal(told.length, 1);
});

test("a permission is held where it is named, and everywhere by those of every project", () => {
  assert.deepEqual(heldIn({ shop: ["run:read"], lab: ["run:read", "run:create"] }, "run:create", ["shop"]), ["lab"]);
  assert.deepEqual(heldIn({ "*": ["run:create"] }, "run:create", ["shop", "default"]), ["default", "shop"]);
  assert.deepEqual([heldEverywhere({ "*": ["run:read"] }, "run:create"), heldEverywhere({}, "run:read")], [false, false]);
});

/** A server that keeps the keys it was sent, and answers as told: a status, or null for no answer. */
function fakeServer(statuses) {
  const keys = [];
  globalThis.fetch = async (_, { headers }) => {
    keys.push(headers["Idempotency-Key"]);
    const status = statuses.shift();
    if (status === null) throw new TypeError("no answer");
    return new Response("{}", { status });
  };
  return keys;
}

const tried = (body) => post("/runs", body, { start: true }).catch((error) => error.status);

test("what is started a second time by mistake carries the same key", async () => {
  const keys = fakeServer([202, 202, 202, null, 503, 202, 422, 202]);
  await Promise.all([tried({ requirement: "a" }), tried({ requirement: "a" })]); // two clicks
  await tried({ requirement: "a" }); // after an answer: meant to be another one
  for (let again = 0; again < 3; again += 1) await tried({ requirement: "b" });
  await tried({ requirement: "c" });
  await tried({ requirement: "c" }); // a refusal started nothing
  const [one, two, three, lost, ill, answered, refused, last] = keys;
  assert.deepEqual([one === two, two === three, lost === ill, ill === answered, answered === refused, refused === last], [true, false, true, true, false, false]);
});
