import { main } from "../adapters/cli/main.ts";
import { listenBun } from "../adapters/http/server/listen-bun.ts";

await main(["serve", ...process.argv.slice(2)], listenBun);
