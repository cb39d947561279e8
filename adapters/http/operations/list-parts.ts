import * as Schema from "effect/Schema";
import { listParts as list } from "../../../application/list-parts.ts";
import { PartNumber } from "../../../domain/multipart.ts";
import { FILES, operation } from "./operation.ts";
import { etag, RECEIPT, Token } from "./schemas.ts";
import { PARTS_REFUSALS } from "./sign-parts.ts";

export const listParts = operation({
  action: "list-parts",
  methods: ["GET"],
  path: `${FILES}/multipart/parts`,
  scope: "write",
  text: {
    operationId: "listParts",
    summary: "List the parts that are in the store",
    parameters: [
      {
        name: "upload",
        in: "query",
        required: true,
        description: "As the start of the upload answered it.",
        schema: { type: "string", examples: [RECEIPT] },
      },
    ],
    answers: "The parts, by their numbers.",
  },
  query: (c) => ({ upload: c.req.query("upload") ?? "" }),
  input: Schema.Struct({ upload: Token }),
  run: ({ member }, { upload }) => list({ member, upload }),
  output: Schema.Struct({
    parts: Schema.Array(
      Schema.Struct({
        partNumber: PartNumber,
        size: Schema.Natural.annotate({ description: "Bytes." }),
        etag,
      }).annotate({ identifier: "StoredPart" }),
    ),
  }).annotate({ identifier: "PartList" }),
  present: ({ parts }) => ({
    parts: parts.map(({ partNumber, size, etag }) => ({ partNumber, size, etag })),
  }),
  callGives: "parts",
  refusals: { ...PARTS_REFUSALS, StoreUnavailable: true },
});
