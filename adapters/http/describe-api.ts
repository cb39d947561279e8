import type { Hono } from "hono";
import { refuse } from "./answer.ts";
import type { HttpEnv } from "./env.ts";
import { answerHeld } from "./held.ts";
import type { ApiAbout } from "./openapi/document.ts";
import { MethodNotAllowed } from "./refusals.ts";

/**
 * Adds what tells of the application: `/openapi.json` for machines, `/docs` for people. Their code
 * is loaded when they are asked for, so that a service which nobody asks pays nothing for them.
 */
export function describeApi(
  app: Hono<HttpEnv>,
  about: ApiAbout & { readonly storeOrigin: () => string },
): void {
  let document: Uint8Array<ArrayBuffer> | undefined;
  app.get("/openapi.json", async (c) => {
    const { DOCUMENT_LIFETIME, openapiDocument } = await import("./openapi/document.ts");
    document ??= new TextEncoder().encode(JSON.stringify(openapiDocument(pathsOf(app), about)));
    return answerHeld(c, document, {
      "Content-Type": "application/json",
      "Cache-Control": DOCUMENT_LIFETIME,
    });
  });
  app.get("/docs", async (c) => (await import("./openapi/docs.ts")).page(c, about.storeOrigin()));
  app.get("/docs/:file", async (c) => {
    return (await import("./openapi/docs.ts")).file(c, c.req.param("file"));
  });
  for (const path of ["/openapi.json", "/docs", "/docs/:file"]) {
    app.all(path, (c) => refuse(c, new MethodNotAllowed({ allow: "GET, HEAD" })));
  }
}

/** The paths of an application, as OpenAPI spells them. */
const pathsOf = ({ routes }: Hono<HttpEnv>): ReadonlySet<string> =>
  new Set(routes.map(({ path }) => path.replaceAll(/:(\w+)/g, "{$1}")));
