import * as Effect from "effect/Effect";
import { contentDifference, SAMPLE_SIZE } from "../../domain/content-type.ts";
import { StoreUnavailable, UploadIncomplete } from "../../domain/errors.ts";
import type { Receipt } from "../../domain/receipt.ts";
import { uploadKey } from "../../domain/storage-key.ts";
import { ContentDetector } from "../ports/content-detector.ts";
import { type ObjectFacts, ObjectStore } from "../ports/object-store.ts";

/** Compares the granted type with the first bytes of the object that was looked at. */
export const verifyContent = Effect.fnUntraced(function* (receipt: Receipt, facts: ObjectFacts) {
  const { read } = yield* ObjectStore;
  if (read === undefined) return yield* CANNOT_READ;
  const { etag, size, version } = facts;
  const opened = yield* read({
    key: uploadKey(receipt),
    etag,
    size,
    version,
    length: SAMPLE_SIZE,
  });
  // Replaced since it was looked at: it has to be looked at again.
  if (opened === "changed") return yield* new UploadIncomplete();
  const sample = yield* sampleIn(opened);
  return contentDifference(receipt.contentType, sample, yield* (yield* ContentDetector)(sample));
});

const sampleIn = (bytes: AsyncIterable<Uint8Array>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => bytes[Symbol.asyncIterator]()),
    Effect.fnUntraced(function* (reader) {
      const sample: Array<number> = [];
      while (sample.length < SAMPLE_SIZE) {
        const next = yield* Effect.tryPromise({ try: () => reader.next(), catch: asUnavailable });
        if (next.done === true) break;
        sample.push(...next.value.subarray(0, SAMPLE_SIZE - sample.length));
      }
      return Uint8Array.from(sample);
    }),
    (reader) => Effect.promise(async () => reader.return?.()),
  ).pipe(Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => Effect.fail(TOO_SLOW) }));

const asUnavailable = (cause: unknown) =>
  cause instanceof StoreUnavailable
    ? cause
    : new StoreUnavailable({ kind: "unreachable", reason: String(cause) });

const TOO_SLOW = new StoreUnavailable({
  kind: "timeout",
  reason: "the first bytes of an object did not arrive within 5 seconds",
});

const CANNOT_READ = new StoreUnavailable({
  kind: "refused",
  reason: "the policy verifies content, and this store cannot read what was looked at",
});
