import * as Schema from "effect/Schema";
import { abortMultipart as abort } from "../../../application/abort-multipart.ts";
import { FILES, operation } from "./operation.ts";
import { RECEIPT, Token } from "./schemas.ts";
import { PARTS_REFUSALS } from "./sign-parts.ts";

export const abortMultipart = operation({
  action: "abort-multipart",
  methods: ["DELETE"],
  path: `${FILES}/multipart`,
  scope: "write",
  text: {
    operationId: "abortMultipart",
    summary: "Abort an upload in parts",
    description: "Removes its parts. A file that was completed stays.",
    examples: { upload: { upload: RECEIPT } },
    answers: { 204: { description: "The upload has ended." } },
  },
  input: Schema.Struct({ upload: Token }).annotate({ identifier: "MultipartAbort" }),
  run: ({ member }, { upload }) => abort({ member, upload }),
  present: (): void => undefined,
  refusals: { ...PARTS_REFUSALS, StoreUnavailable: true },
});
