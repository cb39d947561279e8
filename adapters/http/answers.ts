import * as Schema from "effect/Schema";
import { ByteSize } from "../../domain/byte-size.ts";
import { Checksum, ChecksumAlgorithm } from "../../domain/checksum.ts";
import { MediaType } from "../../domain/media-type.ts";
import { PartNumber } from "../../domain/multipart.ts";
import { StorageKey } from "../../domain/storage-key.ts";
import { AllowedType, PolicyName } from "../../domain/upload-policy.ts";

// The shapes of answers. Handlers are only checked against their types: encoding an answer by its
// schema would cost more than signing.

/** An example of a receipt. */
export const RECEIPT =
  "v1.k1.eyJrIjoib3Jncy9vcmdfMS9maWxlcyJ9.qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq8";

/** A receipt, an upload in parts, or what follows `/f/` in a link. */
export const Token = Schema.String.annotate({
  identifier: "Token",
  description: "Made by the service; clients cannot read it.",
  pattern: "^v1\\.[a-z0-9-]{1,32}\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]{43}$",
  examples: [RECEIPT],
});

const KEY = "orgs/org_1/files/2026/11/3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f.png";
const STORE = `https://store.example.com/files/${KEY}?X-Amz-Algorithm=AWS4-HMAC-SHA256`;
const PUT_URL = `${STORE}&X-Amz-Expires=900&X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost&X-Amz-Signature=${"0f".repeat(32)}`;
const PART_URL = `${STORE}&X-Amz-Expires=900&X-Amz-SignedHeaders=content-length%3Bhost&partNumber=1&uploadId=dXBsb2Fk&X-Amz-Signature=${"2d".repeat(32)}`;
const FORM_URL = "https://store.example.com/files/";
const GET_URL = `${STORE}&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&response-content-type=image%2Fpng&X-Amz-Signature=${"1e".repeat(32)}`;

/** An example of what follows `/f/` in a link. */
export const LINK_TOKEN = `v1.k1.eyJrIjoib3Jncy9vcmdfMS9maWxlcy8yMDI2In0.${"Z".repeat(42)}4`;
const LINK_URL = `https://uploads.example.com/f/${LINK_TOKEN}`;

const url = (description: string, example: string) =>
  Schema.String.annotate({ format: "uri", description, examples: [example] });
const instant = (description: string, example: string) =>
  Schema.String.annotate({ format: "date-time", description, examples: [example] });

const flag = (description: string) => Schema.Boolean.annotate({ description });

const get = {
  get_url: url("Shows the file once it is there.", GET_URL),
  get_expires_at: instant("When `get_url` stops working.", "2026-11-25T12:00:00.000Z"),
};

export const Upload = Schema.Struct({
  put_url: url("Where to PUT the file.", PUT_URL),
  put_headers: Schema.Record(Schema.String, Schema.String).annotate({
    description: "The headers that the PUT must carry.",
    examples: [{ "Content-Type": "image/png" }],
  }),
  put_expires_at: instant("When `put_url` stops working.", "2026-11-24T12:15:00.000Z"),
  ...get,
  key: StorageKey,
  receipt: Token,
}).annotate({ identifier: "Upload" });
export type Upload = typeof Upload.Encoded;

export const FormUpload = Schema.Struct({
  form: Schema.Struct({
    url: url("The `action` of the form.", FORM_URL),
    fields: Schema.Record(Schema.String, Schema.String).annotate({
      description: "Its hidden inputs: all of them, before the input `file`, and no others.",
      examples: [{ key: KEY, "Content-Type": "image/png" }],
    }),
  }).annotate({ identifier: "Form", description: "Sent by POST as `multipart/form-data`." }),
  form_expires_at: instant("When the form stops working.", "2026-11-24T12:15:00.000Z"),
  ...get,
  key: StorageKey,
  receipt: Token,
}).annotate({ identifier: "FormUpload" });
export type FormUpload = typeof FormUpload.Encoded;

export const Uploads = Schema.Struct({
  uploads: Schema.Array(Upload).annotate({ description: "In the order of `files`." }),
}).annotate({ identifier: "UploadList" });
export type Uploads = typeof Uploads.Encoded;

const etag = Schema.String.annotate({
  description: "As the store writes it.",
  examples: ['"5d41402abc4b2a76b9719d911017c592"'],
});

const confirmed = {
  key: StorageKey,
  size: ByteSize,
  content_type: MediaType,
  etag,
  version: Schema.optionalKey(
    Schema.String.annotate({ description: "If the bucket keeps several; the URLs name it." }),
  ),
  checksum: Schema.optionalKey(Checksum),
  final: flag("Whether the PUT can no longer change the file."),
  ...get,
  file_url: url(
    "Opens the file for members of the organization.",
    `https://uploads.example.com/api/v1/${KEY.replace("org_1", "acme")}`,
  ),
};

export const ConfirmedUpload = Schema.Struct({
  ...confirmed,
  mutable_until: Schema.optionalKey(
    instant("Until when the PUT can change it, unless it is final.", "2026-11-24T13:15:00.000Z"),
  ),
}).annotate({
  identifier: "ConfirmedUpload",
  description: "`checksum` is there only if the store itself has verified it.",
});
export type ConfirmedUpload = typeof ConfirmedUpload.Encoded;

export const CompletedUpload = Schema.Struct({
  ...confirmed,
  receipt: Token,
}).annotate({
  identifier: "CompletedUpload",
  description: "As a confirmed upload, with its receipt, which makes links.",
});
export type CompletedUpload = typeof CompletedUpload.Encoded;

export const MultipartUpload = Schema.Struct({
  upload: Token,
  key: StorageKey,
  part_size: ByteSize.annotate({
    identifier: "PartSize",
    description: "Bytes of each part but the last.",
  }),
  part_count: PartNumber.annotate({
    identifier: "PartCount",
    description: "The last part has this number.",
  }),
  expires_at: instant(
    "Until when parts can be uploaded and the upload completed.",
    "2026-11-25T12:00:00.000Z",
  ),
}).annotate({ identifier: "MultipartUpload" });
export type MultipartUpload = typeof MultipartUpload.Encoded;

export const SignedParts = Schema.Struct({
  parts: Schema.Array(
    Schema.Struct({
      part_number: PartNumber,
      url: url("Where to PUT the part.", PART_URL),
      headers: Schema.Record(Schema.String, Schema.String).annotate({
        description: "The headers that the PUT must carry; none unless the part has a checksum.",
      }),
      expires_at: instant("When `url` stops working.", "2026-11-24T12:15:00.000Z"),
    }).annotate({ identifier: "SignedPart" }),
  ),
}).annotate({ identifier: "SignedParts" });
export type SignedParts = typeof SignedParts.Encoded;

export const Parts = Schema.Struct({
  parts: Schema.Array(
    Schema.Struct({
      part_number: PartNumber,
      size: Schema.Natural.annotate({ description: "Bytes." }),
      etag,
    }).annotate({ identifier: "StoredPart" }),
  ),
}).annotate({ identifier: "PartList" });
export type Parts = typeof Parts.Encoded;

export const Link = Schema.Struct({
  link_url: url("Opens the file for everyone who has it.", LINK_URL),
  expires_at: instant("When the link stops working.", "2026-11-24T13:00:00.000Z"),
}).annotate({ identifier: "Link" });
export type Link = typeof Link.Encoded;

const seconds = (description: string, example: number) =>
  Schema.Number.check(
    Schema.makeFilter<number>((value) => Number.isInteger(value) && value > 0, {
      description: `${description}, in seconds.`,
      examples: [example],
      toJsonSchema: () => ({ type: "integer", minimum: 1 }),
    }),
  );

export const Policy = Schema.Struct({
  name: PolicyName.annotate({ description: "What a request gives as `policy`." }),
  max_size: ByteSize.annotate({
    identifier: "MaxSize",
    description: "The largest file in one PUT, in bytes.",
  }),
  allowed_types: Schema.Array(AllowedType).annotate({
    description: "Media types, with any parameters, or all subtypes of one.",
    examples: [[AllowedType.make("image/*"), AllowedType.make("application/pdf")]],
  }),
  extensions: Schema.Record(Schema.String, MediaType).annotate({
    description:
      "The allowed media types by their usual extensions, with the dot and in lower case: what to declare for a file whose type is unknown. A file may have any other extension.",
    examples: [{ ".png": MediaType.make("image/png"), ".jpg": MediaType.make("image/jpeg") }],
  }),
  put_lifetime: seconds("How long `put_url` works", 900),
  get_lifetime: seconds("How long `get_url` works", 86400),
  link_lifetime: Schema.optionalKey(
    seconds("The longest that a link works; without it, links are not allowed", 3600),
  ),
  strict: flag("As `strict` in every request."),
  write_once: flag("The store accepts one PUT under a key and refuses the next."),
  require_checksum: flag("Requests without a `checksum` are refused."),
  checksums: Schema.Array(ChecksumAlgorithm).annotate({
    description: "The algorithms that the store verifies; others are refused.",
  }),
  multipart: Schema.optionalKey(
    Schema.Struct({
      max_size: ByteSize.annotate({
        identifier: "MultipartMaxSize",
        description: "The largest file in parts, in bytes.",
      }),
      checksums: Schema.Array(ChecksumAlgorithm).annotate({
        description: "The algorithms that the store verifies of a part; others are refused.",
      }),
      file_checksums: Schema.Array(ChecksumAlgorithm).annotate({
        description: "The same of the whole file.",
      }),
    }).annotate({
      identifier: "MultipartOffer",
      description: "Files may also be sent in parts; without it, in one PUT only.",
    }),
  ),
}).annotate({ identifier: "Policy" });

export const PolicyList = Schema.Struct({ policies: Schema.Array(Policy) }).annotate({
  identifier: "PolicyList",
});
export type PolicyList = typeof PolicyList.Encoded;

/** For how many seconds a browser may keep the policies, which change only with a restart. */
export const POLICIES_LIFETIME = 300;

export const Health = Schema.Struct({ status: Schema.Literal("alive") }).annotate({
  identifier: "Health",
});

const PartState = Schema.Struct({
  state: Schema.Literals(["ok", "failing"]),
  since: instant("When this state began.", "2026-11-24T12:00:00.000Z"),
  reason: Schema.optionalKey(
    Schema.String.annotate({ description: "For the operator, if the part is failing." }),
  ),
}).annotate({ identifier: "PartState" });

export const Readiness = Schema.Struct({
  status: Schema.Literals(["ready", "degraded", "unavailable", "stopping"]),
  parts: Schema.Struct({
    signing: PartState,
    store: PartState,
    limits: PartState,
    write_once: Schema.optionalKey(PartState),
  }).annotate({ identifier: "ReadinessParts" }),
}).annotate({ identifier: "Readiness" });
export type Readiness = typeof Readiness.Encoded;

export const ApiDocument = Schema.Record(Schema.String, Schema.Unknown);

/** `Cache-Control` of the API's document, which changes only with the version of the service. */
export const DOCUMENT_LIFETIME = "public, max-age=300";
