#!/usr/bin/env node
import { main } from "../adapters/cli/main.ts";
import { endSoon, outliveReaders } from "../adapters/cli/command/output.ts";

outliveReaders();
// Only the service needs the package of the server.
await main(process.argv.slice(2), async (options) => {
  const { listenNode } = await import("../adapters/http/server/listen-node.ts");
  return listenNode(options);
});
endSoon();
