import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { listenNode } from "../../adapters/http/server/listen-node.ts";
import type { Openable } from "../../adapters/contract/running/examine.ts";
import { embeddedStorage } from "../../adapters/storage/local/storage.ts";
import { freePort } from "./free-port.ts";
import { makeFolder } from "./make-folder.ts";

type Serve = (request: Request) => Promise<Response>;

/** The embedded store for the contract; what `between` makes of a request and its answer counts. */
export const embeddedStore = (
  between: (request: Request, serve: Serve) => Promise<Response> = (request, serve) =>
    serve(request),
): Openable => ({
  name: "local",
  // It shares its origin with the service, and makes browsers download whatever they could run.
  without: ["two endpoints", "inline PDF", "scoped credentials"],
  open: async () => {
    const directory = makeFolder();
    const port = await freePort();
    const { layer, fetch } = embeddedStorage(
      { bucket: "files", directory },
      new URL(`http://127.0.0.1:${port}`),
    );
    const answer = (request: Request) => between(request, async (passed) => fetch(passed));
    const serve = Layer.effectDiscard(
      Effect.acquireRelease(
        Effect.promise(() => listenNode({ host: "127.0.0.1", port, fetch: answer })),
        (listening) => Effect.promise(() => listening.stop()),
      ),
    );
    return { layer: Layer.merge(serve, layer), bucket: "files" };
  },
});
