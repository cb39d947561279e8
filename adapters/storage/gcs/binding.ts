import * as DateTime from "effect/DateTime";
import type { GetRequest, PartRequest } from "../../../application/ports/presigner.ts";
import type { Binding, PartBinding } from "../signing/binding.ts";
import type { Pair } from "../signing/v4.ts";

interface Options {
  /** Whether `content-length` is signed as well, which Google does not document to be enforced. */
  readonly signLength: boolean;
}

/**
 * The binding of Cloud Storage, where the exact size needs a header of its own: "HTTP headers and
 * query string parameters for XML and JSON", Cloud Storage documentation.
 */
export const gcsBinding =
  (options: Options): Binding =>
  (request, host) => {
    const { mediaType, strict, writeOnce, pendingSince } = request;
    const isOnce = strict || writeOnce;
    const { md5, hash, length, range } = headersFor(request, options);
    const conditions: ReadonlyArray<Pair> = [
      ...(strict ? [range] : []),
      ...(pendingSince ? [["x-goog-custom-time", DateTime.formatIso(pendingSince)] as const] : []),
      ...hash,
      ...(isOnce ? [["x-goog-if-generation-match", "0"] as const] : []),
    ];
    return {
      signed: [...length, ...md5, ["content-type", mediaType], ["host", host], ...conditions],
      isOnce,
      toSend: Object.fromEntries([["Content-Type", mediaType], ...md5, ...conditions]),
    };
  };

/**
 * The binding of a part: "Upload an object part", Cloud Storage documentation. Its exact length
 * needs a header of its own, as that of a whole object does.
 */
export const gcsPartBinding =
  (options: Options): PartBinding =>
  (request, host) => {
    const { md5, hash, length, range } = headersFor(request, options);
    return {
      headers: [...length, ...md5, ["host", host], range, ...hash],
      toSend: Object.fromEntries([...md5, range, ...hash]),
    };
  };

/** The headers for the size and the checksum of a PUT, of which Google has two for the latter. */
function headersFor(
  { size, checksum }: Pick<PartRequest, "size" | "checksum">,
  { signLength }: Options,
): Readonly<Record<"length" | "md5" | "hash", ReadonlyArray<Pair>>> & { readonly range: Pair } {
  const isMd5 = checksum?.algorithm === "md5";
  return {
    length: signLength ? [["content-length", String(size)]] : [],
    range: ["x-goog-content-length-range", `${size},${size}`],
    md5: isMd5 ? [["content-md5", checksum.value]] : [],
    hash: checksum && !isMd5 ? [["x-goog-hash", `${checksum.algorithm}=${checksum.value}`]] : [],
  };
}

/**
 * Query parameters of a GET that set the type and disposition of the answer, and name one version
 * of the object if there is one.
 */
export const gcsOverrides = (request: GetRequest): Array<Pair> => [
  ...(request.version === undefined ? [] : [["generation", request.version] as const]),
  ["response-content-disposition", request.responseDisposition],
  ["response-content-type", request.responseMediaType],
];
