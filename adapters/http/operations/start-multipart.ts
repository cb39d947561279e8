import * as DateTime from "effect/DateTime";
import * as Schema from "effect/Schema";
import { startMultipart as start } from "../../../application/start-multipart.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { PartNumber } from "../../../domain/multipart.ts";
import { StorageKey } from "../../../domain/storage-key.ts";
import { IDEMPOTENCY } from "./idempotency-key.ts";
import { FILES, operation } from "./operation.ts";
import { askedFacts, fileFields, GRANT_REFUSALS, requestedUpload } from "./presign.ts";
import { instant, Token } from "./schemas.ts";

export const startMultipart = operation({
  action: "start-multipart",
  methods: ["POST"],
  path: `${FILES}/multipart`,
  scope: "write",
  text: {
    operationId: "startMultipart",
    summary: "Start an upload in parts",
    description:
      "For large files, and for networks that break. Each part is sent with a PUT of its own: of `partSize` bytes, and the last one of what is left. All bytes count for the daily quota now.",
    parameters: [IDEMPOTENCY],
    examples: { plain: { filename: "a.png", content_type: "image/png", size: 8_388_608 } },
    answers: "The upload is granted.",
  },
  isRepeatable: true,
  input: Schema.Struct(fileFields).annotate({ identifier: "MultipartStart" }),
  facts: askedFacts,
  run: (asking, file) => start({ ...asking, ...requestedUpload(file) }),
  output: Schema.Struct({
    upload: Token,
    key: StorageKey,
    partSize: ByteSize.annotate({
      identifier: "PartSize",
      description: "Bytes of each part but the last.",
    }),
    partCount: PartNumber.annotate({
      identifier: "PartCount",
      description: "The last part has this number.",
    }),
    expiresAt: instant(
      "Until when parts can be uploaded and the upload completed.",
      "2026-11-25T12:00:00.000Z",
    ),
  }).annotate({ identifier: "MultipartUpload" }),
  present: ({ expiresAt, ...started }) => ({ ...started, expiresAt: DateTime.toDate(expiresAt) }),
  refusals: { ...GRANT_REFUSALS, MultipartNotSupported: true, StoreUnavailable: true },
});
