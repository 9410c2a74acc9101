// A GraphQL mock server. All it knows of its API stands in schema.graphql and mocks.json.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { addMocksToSchema, createMockStore } from "@graphql-tools/mock";
import { makeExecutableSchema } from "@graphql-tools/schema";
import { World } from "./lib/world.mjs";

const read = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: process.env.PORT ?? "4000" },
    host: { type: "string", default: "127.0.0.1" },
    quiet: { type: "boolean", default: false },
  },
});
const port = Number(options.port);
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  console.error(`--port ${JSON.stringify(options.port)} is no port; give a number up to 65535`);
  process.exit(2);
}

const schema = makeExecutableSchema({ typeDefs: read("./schema.graphql") });
const world = new World(schema, JSON.parse(read("./mocks.json")));
const store = createMockStore({ schema, mocks: world.mocks(), typePolicies: world.policies() });
world.open(store);

const log = {
  async requestDidStart({ request }) {
    const began = performance.now();
    const mark = { async willSendResponse({ response }) {
      response.http.headers.set("x-maestro-mock", "1");
      const errors = response.body.kind === "single" ? (response.body.singleResult.errors ?? []).length : 0;
      const name = JSON.stringify((request.query ?? "").replace(/\s+/g, " ").slice(0, 80));
      if (!options.quiet) console.log(`${name} ${errors} errors ${(performance.now() - began).toFixed(1)} ms`);
    } };
    return mark;
  },
};

const server = new ApolloServer({
  schema: addMocksToSchema({ schema, store, preserveResolvers: true, resolvers: world.resolvers() }),
  introspection: true,
  includeStacktraceInErrorResponses: false,
  plugins: [log],
});
const { url } = await startStandaloneServer(server, { listen: { port, host: options.host } });
console.log(`mock on ${url}`);
