import * as Schema from "effect/Schema";
import { requestUploads } from "../../../../application/uploads/request-upload.ts";
import { memberAt } from "../../../values/decode.ts";
import { FILES, operation } from "../operation.ts";
import {
  requestFacts,
  encodeUpload,
  PLAIN,
  presentUpload,
  Upload,
  UploadRequest,
} from "../presign.ts";

const MAX_FILES = 100;
const { metadata, policy, strict } = UploadRequest.fields;

export const presignBatchOperation = operation({
  action: "presign",
  methods: ["POST"],
  path: `${FILES}/batch`,
  scope: "write",
  text: {
    operationId: "presignBatch",
    summary: "Ask to upload several files",
    description:
      "All of up to 100 files are granted or none is, and they count as one request. A file has the members of a single request to upload.",
    examples: {
      plain: { files: [PLAIN, { ...PLAIN, filename: "b.png" }] },
      bound: { files: [PLAIN, { ...PLAIN, strict: false }], policy: "files", strict: true },
    },
    answers: "All uploads are granted.",
  },
  // Enough for 100 files, unless most have very long names or metadata.
  bodyLimit: 64 * 1024,
  input: Schema.Struct({
    files: Schema.Array(UploadRequest).check(
      Schema.isMinLength(1, { message: "it has no file" }),
      Schema.isMaxLength(MAX_FILES),
    ),
    policy,
    strict,
    metadata,
  }).annotate({
    identifier: "BatchRequest",
    description: "`policy`, `strict` and `metadata` are for the files that leave them out.",
  }),
  // Decoding as many as fit a body would take a quarter of a second.
  before: (input) => {
    const files = memberAt(input, ["files"]);
    return Array.isArray(files) && files.length > MAX_FILES ? TOO_MANY : undefined;
  },
  facts: ({ files, ...defaults }) => files.map((file) => requestFacts({ ...defaults, ...file })),
  run: ({ member }, { files, ...defaults }) =>
    requestUploads({
      member,
      uploads: files.map((file) => ({ ...defaults, ...file })),
    }),
  output: Schema.Struct({
    uploads: Schema.Array(Upload).annotate({ description: "In the order of `files`." }),
  }).annotate({ identifier: "UploadList" }),
  present: (granted, asking) => ({ uploads: granted.map((each) => presentUpload(each, asking)) }),
  callGives: "uploads",
  encode: (granted, asking) => ({ uploads: granted.map((each) => encodeUpload(each, asking)) }),
  refusals: {
    UploadRefused: true,
    QuotaExceeded: true,
    StorageFull: true,
    TooManyOpenUploads: true,
    LimitsUnavailable: true,
    CredentialsUnavailable: true,
  },
});

const TOO_MANY = { pointer: "/files", reason: `it has more than ${MAX_FILES} files` };
