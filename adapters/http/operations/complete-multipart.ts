import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { completeMultipart as complete } from "../../../application/complete-multipart.ts";
import { openUpload } from "../../../application/tokens.ts";
import { MOST_PARTS, PartNumber } from "../../../domain/multipart.ts";
import { memberAt } from "../../json/decode.ts";
import { InvalidBody } from "../problems/refusals.ts";
import { presentConfirmed } from "./confirm.ts";
import { FILES, operation } from "./operation.ts";
import { confirmed, RECEIPT, Token } from "./schemas.ts";
import { eachOnce, PARTS_REFUSALS } from "./sign-parts.ts";

const ETAG = /^"?[!#-~]{1,255}"?$/;
const WRONG_COUNT = `it does not have 1 to ${MOST_PARTS} parts`;

export const completeMultipart = operation({
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
  // The token is opened first, as decoding up to 10,000 parts costs much more; and the parts are
  // counted first, as a body has room for hundreds of thousands.
  before: Effect.fnUntraced(function* ({ member }, input) {
    const upload = memberAt(input, ["upload"]);
    if (typeof upload === "string") yield* openUpload(member, upload);
    const parts = memberAt(input, ["parts"]);
    if (Array.isArray(parts) && parts.length > MOST_PARTS) {
      return yield* new InvalidBody({ faults: [{ pointer: "/parts", reason: WRONG_COUNT }] });
    }
  }),
  check: ({ parts }) => {
    const reason = eachOnce(parts.map(({ partNumber }) => partNumber));
    return reason && { pointer: "/parts", reason };
  },
  run: ({ member }, input) => complete({ member, ...input }),
  output: Schema.Struct({ ...confirmed, receipt: Token }).annotate({
    identifier: "CompletedUpload",
    description: "As a confirmed upload, with its receipt, which makes links.",
  }),
  present: ({ receipt, ...file }, asking) => ({
    // It is written once.
    ...presentConfirmed({ ...file, final: true }, asking),
    receipt,
  }),
  refusals: {
    ...PARTS_REFUSALS,
    PartOutOfRange: true,
    PartsMissing: true,
    UploadIncomplete: true,
    UploadMismatch: true,
    StoreUnavailable: true,
    CredentialsUnavailable: true,
  },
});
