import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import {
  OrganizationNotFound,
  StoreUnavailable,
  UploadIncomplete,
  UploadMismatch,
} from "../../domain/errors.ts";
import type { Receipt } from "../../domain/receipt.ts";
import { incomingKey, removedKey, type StorageKey, uploadKey } from "../../domain/storage-key.ts";
import { compareWithReceipt } from "../../domain/upload-difference.ts";
import type { UploadPolicy } from "../../domain/upload-policy.ts";
import { examineUpload, removeQuietly } from "./examine-upload.ts";
import {
  type Copies,
  type ObjectFacts,
  ObjectStore,
  type StoredVersion,
} from "../ports/object-store.ts";
import { isStored } from "../store/is-stored.ts";
import { Tokens } from "../ports/tokens.ts";
import { sealNames } from "../tokens.ts";
import { scanUpload } from "./scan-upload.ts";
import type { Progress } from "./share-work.ts";

/** The file of an upload that waited, and its remains below `incoming/`. */
export interface Promoted extends ObjectFacts {
  readonly waiting?: StoredVersion;
}

/**
 * Makes the file of an upload that waits below `incoming/`. A crash may follow each step: called
 * again, it continues from there. Only this writes below the keys of files, so an existing file was
 * promoted already.
 */
export const promoteUpload = Effect.fnUntraced(
  function* (receipt: Receipt, policy: UploadPolicy, progress: Progress) {
    const { key, contentType } = receipt;
    const store = yield* ObjectStore;
    const waiting = incomingKey(key);
    const lookAtFile = store.head(key).pipe(
      Effect.catchTag("ObjectUnreadable", () => Effect.fail(NOT_AS_GRANTED)),
      Effect.tap((file) => failIfRemoved(key, file)),
    );
    const earlier = yield* lookAtFile;
    if (Option.isSome(earlier)) {
      // The bucket's operator may have changed its headers since.
      const differences = compareWithGrant(receipt, { ...earlier.value, extraHeaders: {} });
      if (differences.length > 0) return yield* new UploadMismatch({ differences });
      const left = yield* Effect.orElseSucceed(store.head(waiting), Option.none);
      if (Option.isNone(left)) return earlier.value;
      return { ...earlier.value, waiting: { key: waiting, version: left.value.version } };
    }
    if (store.copies === undefined) return yield* CANNOT_COPY;
    const looked = yield* examineUpload(receipt, policy);
    const apart = receipt.from && (yield* setApart(receipt, store.copies, looked));
    const { etag, version, size } =
      apart === undefined ? looked : yield* examineUpload(apart, policy);
    progress.state = "scanning";
    yield* scanUpload({ key: waiting, etag, version, size }, policy);
    progress.state = "copying";
    const outcome = yield* store.copies.copy({
      key: waiting,
      etag,
      version,
      size,
      to: key,
      contentType,
      names: sealNames(yield* Tokens, receipt),
      ...(policy.scan !== "none" && { mayPublish: isUntouched(store, key) }),
    });
    // Replaced since it was looked at: it has to be looked at again.
    if (outcome === "changed") return yield* new UploadIncomplete();
    // A removal may have begun after the look above, and have ended before the copy.
    const file = yield* lookAtFile;
    if (Option.isNone(file)) return yield* NOT_AS_GRANTED;
    if (compareWithGrant(receipt, file.value).length > 0) {
      // No client has been told of this file.
      if (outcome === "copied") yield* removeQuietly({ key, version: file.value.version });
      return yield* NOT_AS_GRANTED;
    }
    return { ...file.value, waiting: { key: waiting, version } };
  },
  // Another process may have made the file, and removed the upload, in between.
  (promoting, { key }) =>
    Effect.retry(promoting, {
      times: 1,
      while: ({ _tag }) => (_tag === "UploadIncomplete" ? isMade(key) : Effect.succeed(false)),
    }),
);

/**
 * Copies what tools may still replace to where uploads wait, which they do not reach, and returns its
 * receipt there: MinIO lets them choose an ETag, so none shows that it was replaced after it was
 * examined.
 */
const setApart = Effect.fnUntraced(function* (
  receipt: Receipt,
  { copy }: Copies,
  { etag, version, size }: ObjectFacts,
) {
  const { from: _, ...apart } = receipt;
  const { key, contentType } = receipt;
  const to = incomingKey(key);
  const outcome = yield* copy({ key: uploadKey(receipt), etag, version, size, to, contentType });
  if (outcome === "changed") return yield* new UploadIncomplete();
  return apart;
});

const isMade = (key: StorageKey) =>
  ObjectStore.use(({ head }) => head(key)).pipe(
    Effect.map(Option.isSome),
    Effect.orElseSucceed(() => false),
  );

/**
 * Returns true if neither the file nor the mark of a removal is there. What was scanned is written
 * once, so that while it waits no other bytes with its ETag take its place; it is removed only after
 * one of the two was made.
 */
const isUntouched = Effect.fnUntraced(function* (store: ObjectStore["Service"], key: StorageKey) {
  return !((yield* isStored(store, key)) || (yield* isStored(store, removedKey(key))));
});

/** Compares without a checksum, which a copy does not have. */
const compareWithGrant = (receipt: Receipt, facts: ObjectFacts) =>
  compareWithReceipt({ ...receipt, checksum: undefined }, facts);

/** Fails if the file was removed: a removal leaves its mark first, so that no copy survives it. */
const failIfRemoved = Effect.fnUntraced(function* (
  key: StorageKey,
  file: Option.Option<ObjectFacts>,
) {
  const store = yield* ObjectStore;
  if (!(yield* isStored(store, removedKey(key)))) return;
  if (Option.isSome(file)) yield* store.remove({ key, version: file.value.version });
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
