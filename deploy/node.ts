import { serve } from "../adapters/cli/serve.ts";
import { listenNode } from "../adapters/http/listen-node.ts";

await serve(listenNode);
