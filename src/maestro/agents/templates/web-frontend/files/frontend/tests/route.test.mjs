import assert from "node:assert/strict";
import test from "node:test";

import { createSender, path, queryString } from "../js/http.js";
import { makeHash, readHash } from "../js/route.js";

test("an address is read back as it was made", () => {
  const address = makeHash(["cart-items", 7], { status: "in progress", search: "a&b=c?d", empty: "" });
  assert.deepEqual(readHash(address), {
    segments: ["cart-items", "7"],
    params: { status: "in progress", search: "a&b=c?d" },
  });
});

test("the empty address is the overview", () => {
  for (const hash of ["", "#", "#/"]) assert.deepEqual(readHash(hash), { segments: [], params: {} });
});

test("a broken escape in an address is taken as it is", () => {
  assert.deepEqual(readHash("#/%E0%A4%A").segments, ["%E0%A4%A"]);
});

test("parameters of a path are escaped", () => {
  assert.equal(path("/tasks/{task_id}", "a/b ?"), "/tasks/a%2Fb%20%3F");
});

test("a query leaves out what is empty and keeps zero and false", () => {
  assert.equal(queryString({ q: "", status: undefined, done: false, offset: 0, x: null }), "?done=false&offset=0");
  assert.equal(queryString({ tag: ["a", "b&c"] }), "?tag=a&tag=b%26c");
  assert.equal(queryString({}), "");
});

test("an API without an address is named", async () => {
  await assert.rejects(createSender({})("orders", "GET", "/orders"), /"orders"/);
});
