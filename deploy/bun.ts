import { main } from "../adapters/cli/main.ts";
import { listenBun } from "../adapters/http/listen-bun.ts";

await main(["serve", ...process.argv.slice(2)], listenBun);
