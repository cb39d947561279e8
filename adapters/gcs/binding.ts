import type { Binding } from "../signing/binding.ts";
import type { Pair } from "../signing/v4.ts";

/**
 * The binding of Cloud Storage, where the exact size needs a header of its own: "HTTP headers and
 * query string parameters for XML and JSON", Cloud Storage documentation.
 */
export const gcsBinding =
  (options: {
    /** Whether `content-length` is signed as well, which Google does not document to be enforced. */
    readonly signLength: boolean;
  }): Binding =>
  ({ size, mediaType, strict, writeOnce }, host) => {
    const conditions: Array<Pair> = [];
    if (strict) conditions.push(["x-goog-content-length-range", `${size},${size}`]);
    if (strict || writeOnce) conditions.push(["x-goog-if-generation-match", "0"]);
    const signed: Array<Pair> = [["content-type", mediaType], ["host", host], ...conditions];
    if (options.signLength) signed.unshift(["content-length", String(size)]);
    return { signed, toSend: { "Content-Type": mediaType, ...Object.fromEntries(conditions) } };
  };
