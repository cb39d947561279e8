import type { PutRequest } from "../../application/ports/presigner.ts";
import type { Binding } from "../signing/binding.ts";
import type { Pair } from "../signing/v4.ts";

/**
 * The binding of Cloud Storage, where the exact size needs a header of its own: "HTTP headers and
 * query string parameters for XML and JSON", Cloud Storage documentation.
 */
export const gcsBinding = (options: {
  /** Whether `content-length` is signed as well, which Google does not document to be enforced. */
  readonly signLength: boolean;
}): Binding => ({
  headersOfPut: (request, host) => [
    ...(options.signLength ? [["content-length", String(request.size)] as const] : []),
    ["content-type", request.mediaType],
    ["host", host],
    ...conditions(request),
  ],
  headersToSend: (request) => ({
    "Content-Type": request.mediaType,
    ...Object.fromEntries(conditions(request)),
  }),
});

/** In the order of their names, and spelt as they are sent. */
function conditions({ size, strict, writeOnce }: PutRequest): ReadonlyArray<Pair> {
  const headers: Array<Pair> = [];
  if (strict) headers.push(["x-goog-content-length-range", `${size},${size}`]);
  if (strict || writeOnce) headers.push(["x-goog-if-generation-match", "0"]);
  return headers;
}
