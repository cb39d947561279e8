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
  const { remove, versions } = yield* ObjectStore;
  if (versions === undefined) return yield* remove({ key, version: undefined });
  let after: string | undefined;
  do {
    const page = yield* versions({ prefix: key, after });
    const own = page.found.filter((object) => object.key === key);
    yield* Effect.forEach(own, remove, { concurrency: AT_ONCE, discard: true });
    after = page.next;
  } while (after !== undefined);
});

const AT_ONCE = 16;
