import * as DateTime from "effect/DateTime";
import type { GetRequest } from "../../../application/ports/presigner.ts";
import type { Checksum } from "../../../domain/checksum.ts";
import type { Binding, PartBinding } from "../signing/binding.ts";
import type { Pair } from "../signing/v4.ts";

/**
 * The binding of Cloud Storage, where the exact size needs a header of its own: "HTTP headers and
 * query string parameters for XML and JSON", Cloud Storage documentation.
 */
export const gcsBinding =
  (options: {
    /**
     * Whether `content-length` is signed as well, which Google does not document to be enforced.
     */
    readonly signLength: boolean;
  }): Binding =>
  ({ size, mediaType, strict, writeOnce, checksum, pendingSince }, host) => {
    const md5: Array<Pair> = [];
    const conditions: Array<Pair> = [];
    if (strict) conditions.push(["x-goog-content-length-range", `${size},${size}`]);
    if (pendingSince !== undefined) {
      conditions.push(["x-goog-custom-time", DateTime.formatIso(pendingSince)]);
    }
    if (checksum?.algorithm === "md5") md5.push(headerOfHash(checksum));
    else if (checksum !== undefined) conditions.push(headerOfHash(checksum));
    const isOnce = strict || writeOnce;
    if (isOnce) conditions.push(["x-goog-if-generation-match", "0"]);
    return {
      signed: [
        ...(options.signLength ? [["content-length", String(size)] as const] : []),
        ...md5,
        ["content-type", mediaType],
        ["host", host],
        ...conditions,
      ],
      isOnce,
      toSend: Object.fromEntries([["Content-Type", mediaType], ...md5, ...conditions]),
    };
  };

/**
 * The binding of a part: "Upload an object part", Cloud Storage documentation. Its exact length
 * needs a header of its own, as that of a whole object does.
 */
export const gcsPartBinding =
  (options: Parameters<typeof gcsBinding>[0]): PartBinding =>
  ({ size, checksum }, host) => {
    const md5 = checksum?.algorithm === "md5" ? [headerOfHash(checksum)] : [];
    const range: Pair = ["x-goog-content-length-range", `${size},${size}`];
    const hash = checksum === undefined || md5.length > 0 ? [] : [headerOfHash(checksum)];
    return {
      headers: [
        ...(options.signLength ? [["content-length", String(size)] as const] : []),
        ...md5,
        ["host", host],
        range,
        ...hash,
      ],
      toSend: Object.fromEntries([...md5, range, ...hash]),
    };
  };

const headerOfHash = ({ algorithm, value }: Checksum): Pair =>
  algorithm === "md5" ? ["content-md5", value] : ["x-goog-hash", `${algorithm}=${value}`];

/**
 * Query parameters of a GET that set the type and disposition of the answer, and name one version
 * of the object if there is one.
 */
export function gcsOverrides(request: GetRequest): Array<Pair> {
  const query: Array<Pair> = [
    ["response-content-disposition", request.responseDisposition],
    ["response-content-type", request.responseMediaType],
  ];
  if (request.version !== undefined) query.unshift(["generation", request.version]);
  return query;
}
