import { serve } from "../adapters/cli/serve.ts";
import { listenBun } from "../adapters/http/listen-bun.ts";

await serve(listenBun);
