import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import { mayBeConfirmed } from "../domain/receipt.ts";
import { format, incomingKey, type ObjectKey, removedKey } from "../domain/storage-key.ts";
import type { Member } from "./admit.ts";
import { ownFile } from "./open-file.ts";
import { ObjectStore } from "./ports/object-store.ts";
import { Policies } from "./ports/policies.ts";

/**
 * Removes a file of an organization with its versions, and what of its upload still waits. Does
 * nothing to a file that is not there.
 */
export const removeFile = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly key: string;
}) {
  const parts = yield* ownFile(request.member, request.key);
  const key = format(parts);
  request.member.recordFacts?.({ key });
  const policies = [...(yield* Policies).values()];
  const isMadeOfUploads = policies.some(({ arrival }) => arrival === "incoming");
  // First, so that whoever makes the file meanwhile finds it.
  if (isMadeOfUploads && mayBeConfirmed(parts, yield* DateTime.now)) {
    yield* (yield* ObjectStore).writeEmpty?.(removedKey(key)) ?? Effect.void;
  }
  yield* removeWhole(incomingKey(key));
  yield* removeWhole(key);
});

/** Removes all that the store keeps of an object. */
const removeWhole = Effect.fnUntraced(function* (key: ObjectKey) {
  const { multipart, remove, versions } = yield* ObjectStore;
  if (multipart?.open !== undefined) {
    const uploads = yield* multipart.open(key);
    const own = uploads.filter((upload) => upload.key === key);
    yield* Effect.forEach(own, multipart.abort, { discard: true });
  }
  if (versions === undefined) return yield* remove({ key, version: undefined });
  let after: string | undefined;
  do {
    const page = yield* versions({ prefix: key, after });
    const own = page.found.filter((object) => object.key === key);
    // One by one, since versitygw does not bear two of one object at once.
    yield* Effect.forEach(own, remove, { discard: true });
    after = page.next;
  } while (after !== undefined);
});
