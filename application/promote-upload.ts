import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Option from "effect/Option";
import { ByteSize } from "../domain/byte-size.ts";
import {
  OrganizationNotFound,
  StoreUnavailable,
  UploadIncomplete,
  UploadMismatch,
  UploadPending,
} from "../domain/errors.ts";
import type { Receipt } from "../domain/receipt.ts";
import { incomingKey, removedKey, type StorageKey } from "../domain/storage-key.ts";
import { compareWithReceipt } from "../domain/upload-difference.ts";
import type { UploadPolicy } from "../domain/upload-policy.ts";
import { examineUpload, removeQuietly } from "./examine-upload.ts";
import { type ObjectFacts, ObjectStore } from "./ports/object-store.ts";
import { scanUpload } from "./scan-upload.ts";

interface Promotion {
  state: UploadPending["state"];
  fiber?: Fiber.Fiber<ObjectFacts, Effect.Error<ReturnType<typeof promote>>>;
}
const promotions = new WeakMap<ObjectStore["Service"], Map<StorageKey, Promotion>>();

/** The longest that a request waits; the promotion goes on, and the next request finds it. */
const LONGEST_WAIT = "15 seconds";

/**
 * Makes the file of an upload that waits below `incoming/`, and returns what the store says of it.
 * All requests for it in this process wait for one promotion.
 */
export const promoteUpload = Effect.fnUntraced(function* (receipt: Receipt, policy: UploadPolicy) {
  const store = yield* ObjectStore;
  const running = promotions.get(store) ?? new Map<StorageKey, Promotion>();
  promotions.set(store, running);
  const end = Effect.sync(() => running.delete(receipt.key));
  const promotion: Promotion = running.get(receipt.key) ?? { state: "copying" };
  running.set(receipt.key, promotion);
  // Another process may have made the file, and removed what waited, since this one looked for it.
  const isMade = Effect.orElseSucceed(
    Effect.map(store.head(receipt.key), Option.isSome),
    () => false,
  );
  const promoting = Effect.retry(promote(receipt, policy, promotion), {
    times: 1,
    while: ({ _tag }) => (_tag === "UploadIncomplete" ? isMade : false),
  });
  const begin = Effect.forkDetach(Effect.ensuring(promoting, end));
  promotion.fiber ??= yield* begin;
  return yield* Effect.timeoutOrElse(Fiber.join(promotion.fiber), {
    duration: LONGEST_WAIT,
    orElse: () => Effect.fail(new UploadPending({ state: promotion.state, retryAfter: 5 })),
  });
});

/**
 * Each step may be the last one: asked again, it goes on from what is there. Nothing else writes
 * below the keys of files, so a file that is there was promoted already.
 */
const promote = Effect.fnUntraced(function* (
  receipt: Receipt,
  policy: UploadPolicy,
  promotion: Promotion,
) {
  const { key, mediaType } = receipt;
  const store = yield* ObjectStore;
  const from = incomingKey(key);
  const look = store.head(key).pipe(
    Effect.catchTag("ObjectUnreadable", () => Effect.fail(NOT_AS_GRANTED)),
    Effect.tap((found) => failIfRemoved(key, found)),
  );
  const earlier = yield* look;
  if (Option.isSome(earlier)) {
    // Its headers may have been changed since, by whoever runs the bucket.
    const differences = compareWithGrant(receipt, { ...earlier.value, extraHeaders: {} });
    if (differences.length > 0) return yield* new UploadMismatch({ differences });
    const left = yield* Effect.orElseSucceed(store.head(from), Option.none);
    if (Option.isSome(left)) yield* removeQuietly({ key: from, version: left.value.version });
    return earlier.value;
  }
  const { etag, version, size } = yield* examineUpload(receipt, policy);
  promotion.state = "scanning";
  yield* scanUpload({ key: from, etag, version, size }, policy);
  promotion.state = "copying";
  if (store.copy === undefined) return yield* CANNOT_COPY;
  const outcome = yield* store.copy({ key: from, etag, version, size, to: key, mediaType });
  // Replaced since it was looked at: what is there now has to be looked at.
  if (outcome === "changed") return yield* new UploadIncomplete();
  // A removal may have begun after the look above, and have ended before the copy did.
  const file = yield* look;
  if (Option.isNone(file)) return yield* NOT_AS_GRANTED;
  if (
    compareWithGrant({ ...receipt, size: ByteSize.make(size), isLargest: false }, file.value)
      .length > 0
  ) {
    // Nobody has been told of it.
    if (outcome === "copied") yield* removeQuietly({ key, version: file.value.version });
    return yield* NOT_AS_GRANTED;
  }
  yield* removeQuietly({ key: from, version });
  return file.value;
});

/** A copy bears no mark, and has no checksum. */
const compareWithGrant = (receipt: Receipt, facts: ObjectFacts) =>
  compareWithReceipt({ ...receipt, pending: false, checksum: undefined }, facts);

/** A removal says so before it removes anything, so that no copy survives it. */
const failIfRemoved = Effect.fnUntraced(function* (
  key: StorageKey,
  file: Option.Option<ObjectFacts>,
) {
  const { head, remove } = yield* ObjectStore;
  const isRemoved = Effect.map(head(removedKey(key)), Option.isSome);
  if (!(yield* Effect.catchTag(isRemoved, "ObjectUnreadable", () => Effect.succeed(true)))) return;
  if (Option.isSome(file)) yield* remove({ key, version: file.value.version });
  return yield* new OrganizationNotFound();
});

const NOT_AS_GRANTED = new StoreUnavailable({
  kind: "senseless",
  reason: "the store has copied an upload, and the file is not there as it was granted",
});

const CANNOT_COPY = new StoreUnavailable({
  kind: "refused",
  reason: "the policy keeps uploads apart, and this store cannot copy them to their place",
});
