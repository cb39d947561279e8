import { serve } from "../adapters/cli/serve.ts";
import { listenDeno } from "../adapters/http/listen-deno.ts";

await serve(listenDeno);
