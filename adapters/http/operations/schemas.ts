import * as Schema from "effect/Schema";
import { ByteSize } from "../../../domain/byte-size.ts";
import { Checksum } from "../../../domain/checksum.ts";
import { FileName } from "../../../domain/file-name.ts";
import { FilePath } from "../../../domain/file-path.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { Metadata } from "../../../domain/metadata.ts";
import { FOLDER, StorageKey } from "../../../domain/storage-key.ts";

// Members that several operations have. Descriptions are for the OpenAPI document.

export const RECEIPT =
  "v1.k1.eyJrIjoib3Jncy9vcmdfMS9maWxlcyJ9.qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq8";

/** A receipt, an upload in parts, or what follows `/f/` in a link. */
export const Token = Schema.String.annotate({
  identifier: "Token",
  description: "Made by the service; clients cannot read it.",
  pattern: "^v[12]\\.[a-z0-9-]{1,32}\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]{43}$",
  examples: [RECEIPT],
});

export const LINK_TOKEN = `v1.k1.eyJrIjoib3Jncy9vcmdfMS9maWxlcy8yMDI2In0.${"Z".repeat(42)}4`;

export const KEY = "orgs/org_1/files/2026/11/3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f.png";
const STORE = `https://store.example.com/files/${KEY}?X-Amz-Algorithm=AWS4-HMAC-SHA256`;
export const PUT_URL = `${STORE}&X-Amz-Expires=900&X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost&X-Amz-Signature=${"0f".repeat(32)}`;
export const PART_URL = `${STORE}&X-Amz-Expires=900&X-Amz-SignedHeaders=content-length%3Bhost&partNumber=1&uploadId=dXBsb2Fk&X-Amz-Signature=${"2d".repeat(32)}`;
export const GET_URL = `${STORE}&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&response-content-type=image%2Fpng&X-Amz-Signature=${"1e".repeat(32)}`;

export const url = (description: string, example: string) =>
  Schema.String.annotate({ format: "uri", description, examples: [example] });

/** An instant: a `Date` for calls, which JSON writes as ISO 8601. */
export const instant = (description: string, example: string) => {
  const json: Record<string, unknown> = {
    type: "string",
    format: "date-time",
    examples: [example],
  };
  return Schema.Date.annotate({ ...json, description });
};

/** A whole number of seconds, 1 at least. */
export const seconds = (description: string, example: number) =>
  Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotate({ description, examples: [example] });

export const text = (description: string, example: string) =>
  Schema.String.annotate({ description, examples: [example] });

export const flag = (description: string) => Schema.Boolean.annotate({ description });

export const download = {
  getUrl: url("Shows the file once it is there.", GET_URL),
  getExpiresAt: instant("When `getUrl` stops working.", "2026-11-25T12:00:00.000Z"),
};

/** Folders that a caller asks for. */
export const folders = (description: string) =>
  Schema.optionalKey(
    Schema.String.annotate({ description }).check(
      Schema.isPattern(FOLDER, {
        message: "it is neither a month, such as 2026/11, nor folders, such as avatars",
      }),
    ),
  );

export const publicUrl = Schema.optionalKey(
  url(
    "Shows the file to everybody, once it is there and for good. Only under a public policy.",
    `https://uploads.example.com/p/${KEY.slice("orgs/".length).replace("/files/", "/")}`,
  ),
);

export const etag = Schema.String.annotate({
  description: "As the store writes it.",
  examples: ['"5d41402abc4b2a76b9719d911017c592"'],
});

/** The names of a file, as its upload was granted. */
export const names = { filename: FileName, path: Schema.optionalKey(FilePath) };

export const confirmed = {
  key: StorageKey,
  ...names,
  size: ByteSize,
  contentType: MediaType,
  etag,
  version: Schema.optionalKey(
    Schema.String.annotate({ description: "If the bucket keeps several; the URLs name it." }),
  ),
  checksum: Schema.optionalKey(Checksum),
  metadata: Schema.optionalKey(Metadata),
  serverData: Schema.optionalKey(
    Schema.Unknown.annotate({ description: "What `onConfirmed` of the host has returned." }),
  ),
  final: flag("Whether the URLs of the upload can no longer change the file."),
  mutableUntil: Schema.optionalKey(
    instant("Until when they can change it, unless it is final.", "2026-11-24T13:15:00.000Z"),
  ),
  ...download,
  fileUrl: url(
    "Opens the file for members of the organization.",
    `https://uploads.example.com/api/v1/${KEY.replace("org_1", "acme")}`,
  ),
  publicUrl,
};
