import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { held } from "../answer.ts";
import { publicRoute } from "../operations/operation.ts";
import type { AppOptions } from "../options.ts";

/** Cached by clients: the document changes only with the version of the service. */
const KEPT = "public, max-age=300";

/** Answers the document. The code that makes it is loaded on the first request. */
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
