import * as Effect from "effect/Effect";
import type { ObjectRef } from "../../../application/ports/object-store.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { fetchFailure } from "../../values/thrown.ts";
import type { Pair } from "../signing/v4.ts";
import { type StoreResponse, type Bucket, signedFetch, unavailable } from "./signed-fetch.ts";

/** Reads an object on condition of its ETag; `query` names its version. */
export const readObject = Effect.fnUntraced(function* (
  bucket: Bucket,
  {
    key,
    etag,
    size,
    start = 0,
    length = size,
  }: ObjectRef & { readonly start?: number; readonly length?: number },
  query: ReadonlyArray<Pair>,
  fail: (answer: StoreResponse) => Effect.Effect<never, StoreUnavailable>,
) {
  const wanted = Math.min(length, size - start);
  const bytes = `${start}-${start + wanted - 1}`;
  const range = wanted < size ? [["range", `bytes=${bytes}`] as const] : [];
  const answer = yield* signedFetch(bucket, {
    method: "GET",
    key,
    query,
    headers: [["if-match", etag], ...range],
    isStreamed: true,
  });
  const { status, headers, body } = answer;
  if (status === 404 || status === 412) return "changed" as const;
  if (!answer.ok || body === null) return yield* fail(answer);
  if (isExpected(answer, { size, start, wanted, bytes })) {
    if (headers.get("etag") === etag) return exactly(body, wanted);
    yield* close(body);
    return "changed" as const;
  }
  yield* close(body);
  return yield* NOT_THE_OBJECT;
});

/** Returns false for a body decoded on the way: its length differs, or is left out. */
const isExpected = (
  { status, headers }: StoreResponse,
  {
    size,
    start,
    wanted,
    bytes,
  }: Record<"size" | "start" | "wanted", number> & { readonly bytes: string },
) =>
  (status === 206
    ? headers.get("content-range") === `bytes ${bytes}/${size}`
    : status === 200 && start === 0) &&
  headers.get("content-length") === `${status === 206 ? wanted : size}` &&
  ["identity", null].includes(headers.get("content-encoding"));

const close = (body: ReadableStream) => Effect.promise(() => body.cancel().catch(() => undefined));

const NOT_THE_OBJECT = unavailable(
  "the store answered other bytes than those of the object as it is stored",
  "senseless",
);

/**
 * Returns the first `length` bytes of a body, which must have so many; it is closed after them, or
 * when its reader stops.
 */
export const exactly = (
  body: ReadableStream<Uint8Array>,
  length: number,
): AsyncIterable<Uint8Array> => ({
  [Symbol.asyncIterator]() {
    const reader = body.getReader();
    let left = length;
    // Not a generator, whose end would wait for the pending piece.
    const stop = async () => {
      await reader.cancel().catch(() => undefined);
      return { done: true, value: undefined } as const;
    };
    const next = async () => {
      if (left === 0) return stop();
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw new StoreUnavailable({ kind: "unreachable", reason: fetchFailure(cause) });
      });
      if (done) throw ENDED;
      const piece = value.subarray(0, left);
      left -= piece.length;
      if (left === 0) await stop();
      return { done: false, value: piece } as const;
    };
    return { next, return: stop };
  },
});

const ENDED = new StoreUnavailable({
  kind: "unreachable",
  reason: "the object ended before its last byte",
});
