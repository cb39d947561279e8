import { main } from "../adapters/cli/main.ts";
import { listenDeno } from "../adapters/http/server/listen-deno.ts";

await main(["serve", ...process.argv.slice(2)], listenDeno);
