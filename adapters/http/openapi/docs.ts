import * as Effect from "effect/Effect";
import type { HttpContext } from "../env.ts";
import { answerHeld } from "../held.ts";
import { NotFound } from "../refusals.ts";

// Swagger UI, of the renderers that were looked at the one which runs under a policy without
// inline style and asks nobody else for anything. It is not a dependency: whoever wants the page
// installs it.
const RENDERER = "swagger-ui-dist";

/** Its files by their media types. */
const FILES: ReadonlyMap<string, string> = new Map([
  ["swagger-ui.css", "text/css; charset=utf-8"],
  ["swagger-ui-bundle.js", "text/javascript; charset=utf-8"],
]);

// Its addresses are relative, and so hold under whatever path a host serves it.

/** The readable page of the API; its policy permits requests to itself and `storeOrigin`. */
export async function page(c: HttpContext, storeOrigin: string): Promise<Response> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self' ${storeOrigin}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  const isThere = (await read("swagger-ui.css")) !== undefined;
  return send(c, isThere ? RENDERED : MISSING, {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": policy,
    "Referrer-Policy": "no-referrer",
  });
}

/** What the page loads. */
export const file = Effect.fnUntraced(function* (c: HttpContext, name: string) {
  if (name === "start.js") return send(c, START, { "Content-Type": "text/javascript" });
  const type = FILES.get(name);
  const content = type === undefined ? undefined : yield* Effect.promise(() => read(name));
  if (type === undefined || content === undefined) return yield* new NotFound();
  return send(c, content, { "Content-Type": type });
});

const send = (c: HttpContext, body: Uint8Array<ArrayBuffer>, headers: Record<string, string>) =>
  answerHeld(c, body, { "Cache-Control": "no-cache", ...headers });

/** The renderer's files by their names, each read once. */
const held = new Map<string, Uint8Array<ArrayBuffer>>();

/** A file of the renderer, from where the runtime finds its package; undefined where it does not. */
async function read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const { readFile } = await import("node:fs/promises");
    const content =
      held.get(name) ?? (await readFile(new URL(import.meta.resolve(`${RENDERER}/${name}`))));
    held.set(name, content);
    return content;
  } catch {
    return undefined;
  }
}

const encoder = new TextEncoder();

const html = ({ head, body }: { readonly head: string; readonly body: string }) =>
  encoder.encode(`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Valetkey API</title>
    <link rel="icon" href="data:,">${head}
  </head>
  <body>
    ${body}
  </body>
</html>
`);

const RENDERED = html({
  head: `
    <link rel="stylesheet" href="docs/swagger-ui.css">
    <script src="docs/swagger-ui-bundle.js" defer></script>
    <script src="docs/start.js" defer></script>`,
  body: `<main id="docs"></main>
    <noscript>This page needs JavaScript; <a href="openapi.json">/openapi.json</a> does not.</noscript>`,
});

const MISSING = html({
  head: "",
  body: `<h1>Valetkey API</h1>
    <p>The API is described by <a href="openapi.json">/openapi.json</a>, which any reader of
    OpenAPI 3.1 shows.</p>
    <p>To read it here, install the package <code>${RENDERER}</code> beside this service and load
    the page again:</p>
    <pre>npm install --ignore-scripts ${RENDERER}@5</pre>
    <p>Without <code>--ignore-scripts</code> a dependency of that package reports the installation
    to its makers.</p>`,
});

/** The document is not sent to a validator elsewhere. */
const START = encoder.encode(`SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  validatorUrl: null,
  deepLinking: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
});
`);
