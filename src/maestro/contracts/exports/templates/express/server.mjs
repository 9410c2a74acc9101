// A mock server. All it knows of its API stands in contract.json and responses.json.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import express from "express";
import { credentialsProblem, readRequest } from "./lib/requests.mjs";
import { problemReply, Replies, Refused } from "./lib/replies.mjs";
import { State } from "./lib/state.mjs";

const read = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
const contract = read("./contract.json");
const replies = new Replies(read("./responses.json"));
const state = new State(contract.resources);

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: process.env.PORT ?? "4010" },
    host: { type: "string", default: "127.0.0.1" },
    quiet: { type: "boolean", default: false },
  },
});
const port = Number(options.port);
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  console.error(`--port ${JSON.stringify(options.port)} is no port; give a number up to 65535`);
  process.exit(2);
}

const app = express();
app.disable("x-powered-by");
app.set("etag", false);
app.set("query parser", false);
app.enable("case sensitive routing");
app.enable("strict routing");

app.use((request, response, next) => {
  const began = performance.now();
  response.set({ "x-maestro-mock": "1", "access-control-allow-origin": "*" });
  response.set("access-control-expose-headers", "*");
  if (!options.quiet) {
    response.on("finish", () => {
      const url = JSON.stringify(request.originalUrl).slice(1, -1);
      const took = (performance.now() - began).toFixed(1);
      console.log(`${request.method} ${url} ${response.statusCode} ${took} ms`);
    });
  }
  if (request.method === "OPTIONS" && request.get("access-control-request-method")) {
    response.set("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    response.set("access-control-allow-headers", request.get("access-control-request-headers") ?? "*");
    response.set("access-control-max-age", "600");
    return response.status(204).end();
  }
  next();
});

app.post("/__mock/reset", (request, response) => {
  state.reset();
  response.status(204).end();
});

app.use(express.raw({ type: () => true, limit: "10mb" }));

for (const route of contract.routes) {
  const operations = new Map(Object.entries(route.operations));
  const methods = new Set([...operations.keys(), "OPTIONS", ...(operations.has("GET") ? ["HEAD"] : [])]);
  const allow = [...methods].sort().join(", ");
  const path = route.pattern === undefined ? route.path : new RegExp(route.pattern);
  app.all(path, async (request, response) => {
    const head = request.method === "HEAD" && !operations.has("HEAD");
    const operation = operations.get(head ? "GET" : request.method);
    if (operation) return await answer(operation, request, response);
    response.set("allow", allow);
    if (request.method === "OPTIONS") return response.status(204).end();
    send(response, problemReply(new Refused(405, `${request.method} is not allowed here; allowed: ${allow}`)));
  });
}

app.use((request) => {
  throw new Refused(404, `the contract has no path ${JSON.stringify(request.path)}`);
});

app.use((error, request, response, next) => {
  if (response.headersSent) return next(error);
  let refused = error;
  if (!(error instanceof Refused)) {
    const status = error.status >= 400 && error.status < 500 ? error.status : 500;
    if (status === 500) console.error(error);
    refused = new Refused(status, status === 500 ? "the mock itself failed; its output tells more" : error.message);
  }
  send(response, problemReply(refused));
});

async function answer(operation, request, response) {
  try {
    const problem = credentialsProblem(operation, request);
    if (problem) throw problem;
    const asked = await readRequest(operation, request);
    const wish = replies.wish(operation, request);
    if (wish) return send(response, wish);
    replies.checkAccept(operation, request);
    const outcome = state.handle(operation, asked, (name) => replies.sample(operation, name));
    if (outcome?.location) response.set("location", contract.basePath + outcome.location);
    send(response, replies.success(operation, request, outcome));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    send(response, replies.refusal(operation, error));
  }
}

function send(response, reply) {
  for (const [name, value] of Object.entries(reply.headers ?? {})) {
    if (!response.hasHeader(name)) response.setHeader(name, value);
  }
  response.status(reply.status);
  if (reply.body === undefined) return response.end();
  const content = Buffer.from(reply.body);
  response.setHeader("content-type", reply.type);
  response.setHeader("content-length", content.length);
  response.end(response.req.method === "HEAD" ? undefined : content);
}

const server = app.listen(port, options.host, (error) => {
  if (error) {
    console.error(`port ${port} cannot be used: ${error.message}`);
    process.exit(1);
  }
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  console.log(`${contract.title}: mock on http://${host}:${server.address().port}${contract.basePath}`);
});
