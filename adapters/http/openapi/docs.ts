import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { Presigner } from "../../../application/ports/presigner.ts";
import { held } from "../answer.ts";
import { htmlHeaders } from "../html-headers.ts";
import { loadOnce } from "../load-once.ts";
import { publicRoute } from "../operations/operation.ts";
import type { AppOptions } from "../options.ts";
import { NotFound } from "../problems/refusals.ts";

/** The document changes only with the version of the service. */
const KEPT = "public, max-age=300";

/** The document. The code that makes it is loaded on the first request. */
export const openapi = publicRoute({
  methods: ["GET", "HEAD"],
  path: "/openapi.json",
  text: {
    operationId: "openapi",
    tag: "service",
    summary: "This document",
    answers: {
      200: {
        description: "OpenAPI 3.1.",
        headers: {
          "Cache-Control": { required: true, schema: { type: "string", const: KEPT } },
        },
      },
    },
  },
  answer: Schema.Record(Schema.String, Schema.Unknown),
  handler: ({ options, routes }) =>
    Effect.promise(async () => {
      const { openapiDocument } = await import("./document.ts");
      const document =
        documents.get(options) ?? encoder.encode(JSON.stringify(openapiDocument(routes, options)));
      documents.set(options, document);
      return held(document, { "Content-Type": "application/json", "Cache-Control": KEPT });
    }),
  refusals: {},
});

const documents = new WeakMap<AppOptions, Uint8Array<ArrayBuffer>>();
const encoder = new TextEncoder();

/**
 * The document for people to read. Its links are relative, so that they work under any path that a
 * host serves it from.
 */
export const docs = publicRoute({
  methods: ["GET", "HEAD"],
  path: "/docs",
  handler: Effect.fnUntraced(function* () {
    const { publicOrigin } = yield* Presigner;
    const isInstalled = (yield* read("swagger-ui.css")) !== undefined;
    return held(isInstalled ? PAGE : MISSING, htmlHeaders("data:", publicOrigin));
  }),
  refusals: {},
});

export const docsFile = publicRoute({
  methods: ["GET", "HEAD"],
  path: "/docs/:file",
  handler: Effect.fnUntraced(function* ({ c }) {
    const name = c.req.param("file") ?? "";
    const type = FILES.get(name);
    const content = type === undefined ? undefined : yield* read(name);
    if (type === undefined || content === undefined) return yield* new NotFound();
    return held(content, { "Content-Type": type, "Cache-Control": "no-cache" });
  }),
  refusals: { NotFound: true },
});

// Swagger UI is the only renderer of those tried that needs no inline style and loads nothing from
// other hosts. It is not a dependency: install it to have the page.
const RENDERER = "swagger-ui-dist";

const FILES: ReadonlyMap<string, string> = new Map([
  ["start.js", "text/javascript"],
  ["swagger-ui.css", "text/css; charset=utf-8"],
  ["swagger-ui-bundle.js", "text/javascript; charset=utf-8"],
]);

/** Without a validator, so that the document is not sent to another host. */
const START = encoder.encode(`SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  validatorUrl: null,
  deepLinking: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
});
`);

/** A file of the page; undefined if the renderer is not installed. */
const read = (name: string): Effect.Effect<Uint8Array<ArrayBuffer> | undefined> =>
  Effect.promise(() => load(name).catch(() => undefined));

const load = loadOnce(async (name): Promise<Uint8Array<ArrayBuffer>> => {
  if (name === "start.js") return START;
  const { readFile } = await import("node:fs/promises");
  return readFile(new URL(import.meta.resolve(`${RENDERER}/${name}`)));
});

const html = (head: string, body: string) =>
  encoder.encode(`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Valetkey API</title>
    <link rel="icon" href="data:,">${head}
  </head>
  <body>${body}
  </body>
</html>
`);

const PAGE = html(
  `
    <link rel="stylesheet" href="docs/swagger-ui.css">
    <script src="docs/swagger-ui-bundle.js" defer></script>
    <script src="docs/start.js" defer></script>`,
  `
    <main id="docs"></main>
    <noscript>This page needs JavaScript; <a href="openapi.json">/openapi.json</a> does not.</noscript>`,
);

const MISSING = html(
  "",
  `
    <h1>Valetkey API</h1>
    <p><a href="openapi.json">/openapi.json</a> describes the API for any tool that reads
    OpenAPI 3.1.</p>
    <p>To read it on this page, install the package <code>${RENDERER}</code> beside this service and load
    the page again:</p>
    <pre>npm install --ignore-scripts ${RENDERER}@5</pre>
    <p>Without <code>--ignore-scripts</code>, a dependency of that package reports the installation
    to its makers.</p>`,
);
