import { Readable } from "node:stream";
import { StoreUnavailable } from "../../../domain/errors.ts";

/** Largest answer, in bytes; a thousand parts, or rules, take less than half. */
const LARGEST = 2 * 2 ** 20;

/** Reads a body; fails if it is larger than a store's answer. */
export async function* bounded(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > LARGEST) {
      const reason = `the answer is larger than ${LARGEST} bytes, so it is not from a store`;
      throw new StoreUnavailable({ kind: "senseless", reason });
    }
    yield chunk;
  }
}

export const boundedStream = (body: Readable): Readable => Readable.from(bounded(body));
