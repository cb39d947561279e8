import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { OrganizationNotFound } from "../../domain/errors.ts";
import { mayBeConfirmed } from "../../domain/receipt.ts";
import {
  incomingKey,
  type ObjectKey,
  removedKey,
  type StorageKey,
  type StorageKeyParts,
} from "../../domain/storage-key.ts";
import type { Member } from "../admit.ts";
import { lookAt } from "./file-state.ts";
import { forEachPage } from "../store/for-each-page.ts";
import { parseMemberKey, requireOwn } from "./open-file.ts";
import { Events } from "../ports/events.ts";
import { ObjectStore, type OpenUpload } from "../ports/object-store.ts";
import { Policies } from "../ports/policies.ts";
import { Usage } from "../ports/usage.ts";
import { publish } from "../publish.ts";
import { noteThresholds } from "./tell-thresholds.ts";

/**
 * Removes a file with its versions and the rest of its upload, if there is one: with the scope
 * `mine` alone, a file in the caller's own folder.
 */
export const removeFile = Effect.fnUntraced(function* (request: {
  readonly member: Member;
  readonly key: string;
}) {
  const { member } = request;
  const parts = parseMemberKey(member, request.key);
  if (parts === undefined) return yield* new OrganizationNotFound();
  const { key } = parts;
  member.recordFacts?.({ key });
  yield* requireOwn(member, key, "remove");
  const policies = [...(yield* Policies).values()];
  const isMadeOfUploads = policies.some(({ arrival }) => arrival === "incoming");
  if (isMadeOfUploads) yield* markRemoval(parts);
  const size = yield* sizeFor(key);
  yield* removeWhole(incomingKey(key));
  yield* removeCounted(key, size);
  yield* publish(() => ({
    type: "upload.removed",
    slug: member.slug,
    data: { key, organization: member.organization, subject: member.principal.subject, ...size },
  }));
});

/** Written before a removal, so that a confirm under way sees that. */
export const markRemoval = Effect.fnUntraced(function* (file: StorageKeyParts) {
  if (!mayBeConfirmed(file, yield* DateTime.now)) return;
  yield* (yield* ObjectStore).copies?.writeEmpty(removedKey(file.key)) ?? Effect.void;
});

/** Returns the size of a file for its event and its count; nothing if there are neither. */
export const sizeFor = Effect.fnUntraced(function* (key: StorageKey) {
  const isCounted = (yield* Usage) !== undefined;
  if (!isCounted && (yield* Events) === undefined) return {};
  const look = lookAt(key);
  const file = Option.getOrUndefined(
    yield* isCounted ? look : Effect.orElseSucceed(look, Option.none),
  );
  return file && { size: file.size };
});

/** Removes a file, which is counted until it is gone. */
export const removeCounted = Effect.fnUntraced(function* (
  key: StorageKey,
  file: { readonly size?: number } | undefined,
) {
  const usage = yield* Usage;
  // Also where there is none: it may come, and be confirmed, before this has ended.
  yield* usage?.removing({ key, size: file?.size }) ?? Effect.void;
  yield* removeWhole(key);
  if (usage === undefined) return;
  yield* usage.removed(key);
  yield* noteThresholds(key);
});

/** Removes an object with its versions and open uploads in parts. */
export const removeWhole = Effect.fnUntraced(function* (key: ObjectKey) {
  const { parts, remove, list } = yield* ObjectStore;
  const versions = list?.versions;
  if (parts !== undefined) {
    yield* forEachPage(
      (after: OpenUpload | undefined) => parts.listOpen({ prefix: key, after }),
      (uploads) => Effect.forEach(ofKey(uploads, key), parts.abort, { discard: true }),
      MOST_PAGES,
    );
  }
  if (versions === undefined) return yield* remove({ key, version: undefined });
  yield* forEachPage(
    (after: string | undefined) => versions({ prefix: key, after }),
    // One at a time, since versitygw fails on two of one object at once.
    (versions) => Effect.forEach(ofKey(versions, key), remove, { discard: true }),
    MOST_PAGES,
  );
});

/** Pages of one object: what was removed by then is missing from them the next time. */
const MOST_PAGES = 100;

/** Returns the entries of one object: a list below its key may have others. */
const ofKey = <A extends { readonly key: string }>(entries: ReadonlyArray<A>, key: ObjectKey) =>
  entries.flatMap((each) => (each.key === key ? [{ ...each, key }] : []));
