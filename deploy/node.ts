import { main } from "../adapters/cli/main.ts";
import { listenNode } from "../adapters/http/listen-node.ts";

await main(["serve", ...process.argv.slice(2)], listenNode);
