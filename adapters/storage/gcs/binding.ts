import type { GetRequest } from "../../../application/ports/presigner.ts";
import type { Checksum } from "../../../domain/checksum.ts";
import { GCS_ANNOUNCEMENT, bind, type Binding, type PartBinding } from "../signing/binding.ts";
import type { Pair } from "../signing/v4.ts";

/**
 * "HTTP headers and query string parameters for XML and JSON", Cloud Storage documentation. It does
 * not say that a signed `content-length` is enforced.
 */
export const gcsBinding: Binding = (
  { size, contentType, strict, writeOnce, checksum, announcement },
  host,
) => {
  const isOnce = strict || writeOnce;
  const { md5, hash } = checksumHeaders(checksum);
  const { signed, toSend } = bind([
    md5,
    ["content-type", contentType],
    ["host", host],
    strict && ["x-goog-content-length-range", `${size},${size}`],
    hash,
    isOnce && ["x-goog-if-generation-match", "0"],
    announcement !== undefined && [GCS_ANNOUNCEMENT, announcement],
  ]);
  return { signed, toSend, isOnce };
};

/** "Upload an object part", Cloud Storage documentation. */
export const gcsPartBinding: PartBinding = ({ size, checksum }, host) => {
  const { md5, hash } = checksumHeaders(checksum);
  return bind([md5, ["host", host], ["x-goog-content-length-range", `${size},${size}`], hash]);
};

function checksumHeaders(checksum: Checksum | undefined): {
  readonly md5?: Pair;
  readonly hash?: Pair;
} {
  if (checksum === undefined) return {};
  const { algorithm, value } = checksum;
  return algorithm === "md5"
    ? { md5: ["content-md5", value] }
    : { hash: ["x-goog-hash", `${algorithm}=${value}`] };
}

export const gcsOverrides = (request: GetRequest): Array<Pair> => [
  ...(request.version === undefined ? [] : [["generation", request.version] as const]),
  ["response-content-disposition", request.responseDisposition],
  ["response-content-type", request.responseMediaType],
];
