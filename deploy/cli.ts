#!/usr/bin/env node
import { neededBy } from "../adapters/values/needed-by.ts";

// npm brings none of them along, since pages need none.
const load = () =>
  Promise.all([import("../adapters/cli/main.ts"), import("../adapters/cli/command/output.ts")]);
const [{ main }, { endSoon, outliveReaders }] = await load()
  .catch(neededBy("valetkey", "effect", "hono"))
  .catch(({ message }: Error) => {
    console.error(message);
    process.exit(1);
  });

outliveReaders();
// Only the service needs the package of the server.
await main(process.argv.slice(2), async (options) => {
  const { listenNode } = await import("../adapters/http/server/listen-node.ts");
  return listenNode(options);
});
endSoon();
