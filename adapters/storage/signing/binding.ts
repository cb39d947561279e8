import * as Duration from "effect/Duration";
import type { GetRequest, PartRequest, PutRequest } from "../../../application/ports/presigner.ts";
import type { ChecksumAlgorithm } from "../../../domain/checksum.ts";
import type { Pair } from "./v4.ts";

/** What binds a PUT to its grant, for one kind of store. */
export type Binding = (
  request: PutRequest,
  host: string,
) => {
  /** The signed headers, sorted by name. */
  readonly signed: ReadonlyArray<Pair>;
  /** The signed headers that the client must set itself: all except `Content-Length` and `Host`. */
  readonly toSend: Readonly<Record<string, string>>;
  /** Whether the store is told to accept only one PUT for the key. */
  readonly isOnce: boolean;
};

/** The headers by which S3 verifies the bytes of a PUT: "PutObject", Amazon S3 API Reference. */
export const CHECKSUM_HEADERS: Readonly<Record<ChecksumAlgorithm, string>> = {
  crc32c: "x-amz-checksum-crc32c",
  md5: "content-md5",
  sha256: "x-amz-checksum-sha256",
};

/** The tag of an unconfirmed upload, by which the bucket's rule finds it. */
export const PENDING_TAG = { key: "valetkey", value: "pending" } as const;
const PENDING = `${PENDING_TAG.key}=${PENDING_TAG.value}`;

/** The binding of stores with the API of S3; not all support the condition for writing once. */
export const s3Binding =
  (store: { readonly writeOnce: boolean }): Binding =>
  ({ size, mediaType, writeOnce, strict, checksum, pendingSince }, host) => {
    const signed: Array<Pair> = [
      ["content-length", String(size)],
      ["content-type", mediaType],
      ["host", host],
    ];
    const toSend: Record<string, string> = { "Content-Type": mediaType };
    const isOnce = store.writeOnce && (writeOnce || strict);
    if (isOnce) {
      signed.push(["if-none-match", "*"]);
      toSend["If-None-Match"] = "*";
    }
    if (checksum !== undefined) {
      const name = CHECKSUM_HEADERS[checksum.algorithm];
      const header: Pair = [name, checksum.value];
      if (checksum.algorithm === "md5") signed.splice(1, 0, header);
      else signed.push(header);
      toSend[name] = checksum.value;
    }
    if (pendingSince !== undefined) {
      signed.push(["x-amz-tagging", PENDING]);
      toSend["x-amz-tagging"] = PENDING;
    }
    return { signed, toSend, isOnce };
  };

/** What binds the PUT of a part to its upload, for one kind of store. */
export type PartBinding = (
  request: PartRequest,
  host: string,
) => {
  /** The signed headers, sorted by name. */
  readonly headers: ReadonlyArray<Pair>;
  /** The signed headers that the client must set itself. */
  readonly toSend: Readonly<Record<string, string>>;
};

/** The binding of a part in stores with the API of S3: "UploadPart", Amazon S3 API Reference. */
export const s3PartBinding: PartBinding = ({ size, checksum }, host) => {
  const headers: Array<Pair> = [
    ["content-length", String(size)],
    ["host", host],
  ];
  const toSend: Record<string, string> = {};
  if (checksum !== undefined) {
    const name = CHECKSUM_HEADERS[checksum.algorithm];
    headers.splice(checksum.algorithm === "md5" ? 1 : 2, 0, [name, checksum.value]);
    toSend[name] = checksum.value;
  }
  return { headers, toSend };
};

/** The query that names a part, in the API of S3 and of Google alike. */
export const queryOfPart = ({ partNumber, uploadId }: PartRequest): ReadonlyArray<Pair> => [
  ["partNumber", String(partNumber)],
  ["uploadId", uploadId],
];

/**
 * Further headers of a download from S3, which override those of the upload: "GetObject", Amazon S3
 * API Reference. `Expires` is ignored beside a `max-age` (RFC 9111, section 5.3).
 */
export const responseHeaders = ({ lifetime }: GetRequest) => ({
  cacheControl: `private, max-age=${Duration.toSeconds(lifetime)}`,
  contentEncoding: "identity",
});

/**
 * The same as query parameters, with those that set the type and disposition of the answer, and
 * name one version of the object if there is one.
 */
export function s3Overrides(request: GetRequest): ReadonlyArray<Pair> {
  const { cacheControl, contentEncoding } = responseHeaders(request);
  return [
    ["response-cache-control", cacheControl],
    ["response-content-disposition", request.responseDisposition],
    ["response-content-encoding", contentEncoding],
    ["response-content-type", request.responseMediaType],
    ...versionQuery(request.version),
  ];
}

/** The query that names a version; empty for the newest. */
export const versionQuery = (version: string | undefined): ReadonlyArray<Pair> =>
  version === undefined ? [] : [["versionId", version]];
