import * as Duration from "effect/Duration";
import type { Abilities } from "../../../application/ports/abilities.ts";
import type { GetRequest, PartRequest, PutRequest } from "../../../application/ports/presigner.ts";
import type { Checksum, ChecksumAlgorithm } from "../../../domain/checksum.ts";
import type { Pair } from "./v4.ts";

/** The headers that bind a PUT to its grant. */
export interface Bound {
  /** The signed headers, sorted by name. */
  readonly signed: ReadonlyArray<Pair>;
  /** The signed headers that the client must set itself: all except `Content-Length` and `Host`. */
  readonly toSend: Readonly<Record<string, string>>;
}

/** Binds a PUT to its grant, for one kind of store. */
export type Binding = (
  request: PutRequest,
  host: string,
) => Bound & {
  /** True if the store is told to accept only one PUT for the key. */
  readonly isOnce: boolean;
};

/** Binds the PUT of a part to its upload, for one kind of store. */
export type PartBinding = (request: PartRequest, host: string) => Bound;

/** Binds these headers, which are sorted by name, except those that are left out. */
export function bind(headers: ReadonlyArray<Pair | false | undefined>): Bound {
  const signed: Array<Pair> = [];
  const toSend: Record<string, string> = {};
  for (const header of headers) {
    if (!header) continue;
    signed.push(header);
    const [name, value] = header;
    if (name === "content-length" || name === "host") continue;
    toSend[SPELLING.get(name) ?? name] = value;
  }
  return { signed, toSend };
}

const SPELLING: ReadonlyMap<string, string> = new Map([
  ["content-type", "Content-Type"],
  ["if-none-match", "If-None-Match"],
]);

/** The headers by which S3 verifies the bytes of a PUT: "PutObject", Amazon S3 API Reference. */
export const CHECKSUM_HEADERS: Readonly<Record<ChecksumAlgorithm, string>> = {
  crc32c: "x-amz-checksum-crc32c",
  md5: "content-md5",
  sha256: "x-amz-checksum-sha256",
};

/** The metadata that carries the grant of an announced upload. */
export const ANNOUNCEMENT = "x-amz-meta-valetkey-grant";
export const GCS_ANNOUNCEMENT = "x-goog-meta-valetkey-grant";
/** The metadata with the names of a copied upload. */
export const NAMES = "x-amz-meta-valetkey-names";
export const GCS_NAMES = "valetkey-names";
const ONCE: Pair = ["if-none-match", "*"];

/** The binding of stores with the API of S3; not all support the condition for writing once. */
export const s3Binding =
  (abilities: Abilities): Binding =>
  (request, host) => {
    const { size, contentType, writeOnce, strict, checksum, announcement } = request;
    const isOnce = abilities.has("write-once") && (writeOnce || strict);
    const hash = checksumHeader(checksum);
    const isMd5 = checksum?.algorithm === "md5";
    const { signed, toSend } = bind([
      ["content-length", String(size)],
      isMd5 && hash,
      ["content-type", contentType],
      ["host", host],
      isOnce && ONCE,
      !isMd5 && hash,
      announcement !== undefined && [ANNOUNCEMENT, announcement],
    ]);
    return { signed, toSend, isOnce };
  };

/** The binding of a part in stores with the API of S3: "UploadPart", Amazon S3 API Reference. */
export const s3PartBinding: PartBinding = ({ size, checksum }, host) => {
  const hash = checksumHeader(checksum);
  const isMd5 = checksum?.algorithm === "md5";
  return bind([["content-length", String(size)], isMd5 && hash, ["host", host], !isMd5 && hash]);
};

const checksumHeader = (checksum: Checksum | undefined): Pair | undefined =>
  checksum && [CHECKSUM_HEADERS[checksum.algorithm], checksum.value];

/**
 * The query of a download from S3, which sets the headers of the answer instead of those of the
 * upload: "GetObject", Amazon S3 API Reference. `Expires` is ignored beside a `max-age` (RFC 9111,
 * section 5.3).
 */
export const s3Overrides = (request: GetRequest): ReadonlyArray<Pair> => [
  ["response-cache-control", `private, max-age=${Duration.toSeconds(request.lifetime)}`],
  ["response-content-disposition", request.responseDisposition],
  ["response-content-encoding", "identity"],
  ["response-content-type", request.responseMediaType],
  ...versionQuery(request.version),
];

export const versionQuery = (version: string | undefined): ReadonlyArray<Pair> =>
  version === undefined ? [] : [["versionId", version]];
