import * as Effect from "effect/Effect";
import { Presigner } from "../../application/ports/presigner.ts";
import { basePathOf } from "./addresses.ts";
import { answerHeld } from "./held.ts";
import type { AppOptions, RouteRequest } from "./route.ts";

// The code behind these is loaded when it is first asked for, so that a service which nobody asks
// pays nothing for it.

/** Answers `GET /openapi.json`, for machines. */
export const openapi = ({ c, options, routes }: RouteRequest): Effect.Effect<Response> =>
  Effect.promise(async () => {
    const { DOCUMENT_LIFETIME, openapiDocument } = await import("./openapi/document.ts");
    const document =
      documents.get(options) ??
      new TextEncoder().encode(
        JSON.stringify(
          openapiDocument(routes, {
            basePath: basePathOf(options.publicUrl),
            authentication: options.apiAuthentication,
          }),
        ),
      );
    documents.set(options, document);
    return answerHeld(c, document, {
      "Content-Type": "application/json",
      "Cache-Control": DOCUMENT_LIFETIME,
    });
  });

/** The document of each application. */
const documents = new WeakMap<AppOptions, Uint8Array<ArrayBuffer>>();

/** Answers `GET /docs`, for people. */
export const docs = Effect.fnUntraced(function* ({ c }: RouteRequest) {
  const { publicOrigin } = yield* Presigner;
  const { page } = yield* Effect.promise(() => import("./openapi/docs.ts"));
  return yield* Effect.promise(() => page(c, publicOrigin));
});

/** Answers `GET /docs/:file`, what that page loads. */
export const docsFile = Effect.fnUntraced(function* ({ c }: RouteRequest) {
  const { file } = yield* Effect.promise(() => import("./openapi/docs.ts"));
  return yield* file(c, c.req.param("file") ?? "");
});
