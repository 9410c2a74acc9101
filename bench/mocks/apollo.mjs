// Apollo Server with graphql-tools' mocks: the rival of the GraphQL leg.
import { readFileSync } from "node:fs";
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { addMocksToSchema } from "@graphql-tools/mock";
import { makeExecutableSchema } from "@graphql-tools/schema";

const [file, port] = process.argv.slice(2);
const schema = addMocksToSchema({
  schema: makeExecutableSchema({ typeDefs: readFileSync(file, "utf8") }),
});
const server = new ApolloServer({ schema, csrfPrevention: false });
await startStandaloneServer(server, { listen: { port: Number(port), host: "127.0.0.1" } });
