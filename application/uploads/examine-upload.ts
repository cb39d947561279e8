import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Record from "effect/Record";
import { type StoreUnavailable, UploadIncomplete, UploadMismatch } from "../../domain/errors.ts";
import type { Receipt } from "../../domain/receipt.ts";
import { isIncomingKey, type ObjectKey, uploadKey } from "../../domain/storage-key.ts";
import {
  compareWithReceipt,
  timeDifference,
  type UploadDifference,
} from "../../domain/upload-difference.ts";
import { type UploadPolicy, verifiesContent } from "../../domain/upload-policy.ts";
import { type ObjectFacts, ObjectStore } from "../ports/object-store.ts";
import { verifyContent } from "./verify-content.ts";

/** Returns the store's facts of an upload, and fails if they differ from the grant. */
export const examineUpload = Effect.fnUntraced(function* (receipt: Receipt, policy: UploadPolicy) {
  const now = yield* DateTime.now;
  const store = yield* ObjectStore;
  const key = uploadKey(receipt);
  const object = yield* store
    .head(key)
    .pipe(
      Effect.catchTag("ObjectUnreadable", ({ header }) =>
        Effect.fail(
          new UploadMismatch({ differences: [{ property: header, expected: "", actual: "set" }] }),
        ),
      ),
    );
  if (Option.isNone(object)) return yield* new UploadIncomplete();
  const facts = object.value;
  // Replaced since it was listed.
  if (receipt.from !== undefined && receipt.size !== facts.size) {
    return yield* new UploadIncomplete();
  }
  const isVerified = verifiesContent(policy);
  const isIncoming = receipt.incoming === true;
  // No other header becomes part of the file, and a coding says how to read its bytes.
  const matters = (name: string) =>
    !isIncoming || name === facts.unreadableBy || (isVerified && name === "content-encoding");
  const extraHeaders = Record.filter(facts.extraHeaders, (_, name) => matters(name));
  const differences: Array<UploadDifference> = [
    ...compareWithReceipt(receipt, {
      ...facts,
      extraHeaders,
      // Tools declare types of their own: the file gets the granted one.
      ...(receipt.from !== undefined && { contentType: receipt.contentType }),
    }),
    ...(isIncoming ? [] : timeDifference(receipt, facts, now)),
    ...(isIncoming ? [] : metadataDifferences(facts)),
  ];
  if (isVerified && differences.length === 0) {
    const difference = yield* verifyContent(receipt, facts);
    if (difference !== undefined) differences.push(difference);
  }
  if (differences.length === 0) return facts;
  const { version } = facts;
  // Without a version, the removed object could be another one.
  if (policy.onMismatch === "delete" && (version !== undefined || isIncoming)) {
    yield* removeRefused({ key, version }, policy);
  }
  return yield* new UploadMismatch({ differences });
});

/**
 * Reports metadata of ours on a file that its client stored: only a waiting upload may carry its
 * grant, and only a copy has names, since the service writes them.
 */
const metadataDifferences = ({ announcement, names }: ObjectFacts) =>
  Object.entries({ "valetkey-grant": announcement, "valetkey-names": names }).flatMap(
    ([property, actual]): ReadonlyArray<UploadDifference> =>
      actual === undefined ? [] : [{ property, expected: "", actual }],
  );

type Removed = Parameters<ObjectStore["Service"]["remove"]>[0];

/**
 * Removes an upload that is refused, unless it is to be scanned and has no version: then its place
 * stays taken, since while another process has a later upload scanned, this could remove that one,
 * and let other bytes with its ETag in.
 */
export const removeRefused = Effect.fnUntraced(function* (object: Removed, { scan }: UploadPolicy) {
  const { key, version } = object;
  const { copies } = yield* ObjectStore;
  if (scan === "none" || version !== undefined || copies === undefined || !isIncomingKey(key)) {
    return yield* removeQuietly(object);
  }
  yield* quietly(key, copies.writeEmpty(key));
});

export const removeQuietly = Effect.fnUntraced(function* (object: Removed) {
  const { remove } = yield* ObjectStore;
  yield* quietly(object.key, remove(object));
});

const quietly = (key: ObjectKey, removing: Effect.Effect<void, StoreUnavailable>) =>
  removing.pipe(
    Effect.catch(({ reason }) =>
      Effect.logWarning("an upload could not be removed", { key, reason }),
    ),
  );
