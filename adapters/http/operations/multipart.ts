import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { abortMultipart } from "../../../application/parts/abort-multipart.ts";
import { completeMultipart } from "../../../application/parts/complete-multipart.ts";
import { startMultipart } from "../../../application/parts/start-multipart.ts";
import { ByteSize } from "../../../domain/byte-size.ts";
import { MOST_PARTS, PartNumber } from "../../../domain/multipart.ts";
import { StorageKey } from "../../../domain/storage-key.ts";
import { memberAt } from "../../values/decode.ts";
import { CONFIRM_REFUSALS, presentConfirmed } from "./confirm.ts";
import { FILES, operation } from "./operation.ts";
import { eachOnce, PARTS_REFUSALS } from "./parts.ts";
import { requestFacts, fileFields, GRANT_REFUSALS } from "./presign.ts";
import { confirmed, instant, RECEIPT, Token } from "./schemas.ts";

export const startMultipartOperation = operation({
  action: "start-multipart",
  methods: ["POST"],
  path: `${FILES}/multipart`,
  scope: "write",
  text: {
    operationId: "startMultipart",
    summary: "Start an upload in parts",
    description:
      "For large files, and for networks that break. Each part is sent with a PUT of its own: of `partSize` bytes, and the last one of what is left. All bytes count for the daily quota now.",
    examples: { plain: { filename: "a.png", content_type: "image/png", size: 8_388_608 } },
    answers: "The upload is granted.",
  },
  input: Schema.Struct({
    ...fileFields,
    partSize: Schema.optionalKey(
      ByteSize.annotate({
        description:
          "The bytes of each part but the last, for a network that breaks: from `minPartSize` of the policy, and enough for 10,000 parts. The answer says what they are; 5 MiB or more if left out.",
        examples: [ByteSize.make(262_144)],
      }),
    ),
  }).annotate({ identifier: "MultipartStart" }),
  facts: requestFacts,
  run: ({ member }, upload) => startMultipart({ member, upload }),
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
  }).annotate({
    identifier: "MultipartUpload",
    description: "An upload in parts that was started.",
  }),
  present: ({ expiresAt, ...started }) => ({ ...started, expiresAt: DateTime.toDate(expiresAt) }),
  refusals: { ...GRANT_REFUSALS, MultipartNotSupported: true, StoreUnavailable: true },
});

const ETAG = /^"?[!#-~]{1,255}"?$/;
const WRONG_COUNT = `it does not have 1 to ${MOST_PARTS} parts`;

export const completeMultipartOperation = operation({
  action: "complete-multipart",
  methods: ["POST"],
  path: `${FILES}/multipart/complete`,
  scope: "write",
  text: {
    operationId: "completeMultipart",
    summary: "Complete an upload in parts",
    description:
      "Name all parts, in any order, with the `ETag` that the store answered to each PUT. The answer has the receipt, with which links are made. To complete an upload again gives the same answer.",
    examples: {
      upload: {
        upload: RECEIPT,
        parts: [{ part_number: 1, etag: '"5d41402abc4b2a76b9719d911017c592"' }],
      },
    },
    answers: "The file is there, as it was granted.",
  },
  // As Amazon S3 allows for 10,000 parts.
  bodyLimit: 1024 * 1024,
  input: Schema.Struct({
    upload: Token,
    parts: Schema.Array(
      Schema.Struct({
        partNumber: PartNumber,
        etag: Schema.String.check(
          Schema.makeFilter<string>(
            (value) =>
              ETAG.test(value)
                ? undefined
                : "it is not an ETag: send it as the store answered the PUT of the part, on one line",
            {
              identifier: "PartETag",
              description: "As the store answered the PUT of the part, with or without quotes.",
              examples: ['"5d41402abc4b2a76b9719d911017c592"'],
              toJsonSchema: () => ({ pattern: ETAG.source }),
            },
          ),
        ),
      }).annotate({ identifier: "UploadedPart" }),
    ).check(
      Schema.makeFilter<ReadonlyArray<unknown>>(
        ({ length }) => (length >= 1 && length <= MOST_PARTS ? undefined : WRONG_COUNT),
        { toJsonSchema: () => ({ minItems: 1, maxItems: MOST_PARTS }) },
      ),
    ),
  }).annotate({ identifier: "MultipartCompletion" }),
  // A body of this size could list hundreds of thousands.
  before: (input) => {
    const parts = memberAt(input, ["parts"]);
    return Array.isArray(parts) && parts.length > MOST_PARTS
      ? { pointer: "/parts", reason: WRONG_COUNT }
      : undefined;
  },
  check: ({ parts }) => {
    const reason = eachOnce(parts.map(({ partNumber }) => partNumber));
    return reason && { pointer: "/parts", reason };
  },
  // Opens the token first: decoding up to 10,000 parts costs much more.
  runLate: ({ member }, input, decoded) => {
    const upload = memberAt(input, ["upload"]);
    const parts = Effect.map(decoded, (completion) => completion.parts);
    const completed = completeMultipart({ member, upload: String(upload), parts });
    return typeof upload === "string" ? completed : Effect.andThen(decoded, completed);
  },
  output: Schema.Struct({ ...confirmed, receipt: Token }).annotate({
    identifier: "CompletedUpload",
    description: "As a confirmed upload, with its receipt, which makes links.",
  }),
  present: ({ receipt, ...file }, asking) => ({ ...presentConfirmed(file, asking), receipt }),
  refusals: {
    ...PARTS_REFUSALS,
    ...CONFIRM_REFUSALS,
    PartOutOfRange: true,
    PartsMissing: true,
  },
});

export const abortMultipartOperation = operation({
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
  run: ({ member }, { upload }) => abortMultipart({ member, upload }),
  present: (): void => undefined,
  refusals: { ...PARTS_REFUSALS, StoreUnavailable: true },
});
