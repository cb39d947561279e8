#!/usr/bin/env node
import { main } from "../adapters/cli/main.ts";
import { listenNode } from "../adapters/http/server/listen-node.ts";

await main(process.argv.slice(2), listenNode);
