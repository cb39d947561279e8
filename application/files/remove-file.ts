import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import { OrganizationNotFound } from "../../domain/errors.ts";
import { mayBeConfirmed } from "../../domain/receipt.ts";
import { incomingKey, type ObjectKey, removedKey } from "../../domain/storage-key.ts";
import type { Member } from "../admit.ts";
import { forEachPage } from "./for-each-page.ts";
import { parseMemberKey } from "./open-file.ts";
import { ObjectStore, type OpenUpload } from "../ports/object-store.ts";
import { Policies } from "../ports/policies.ts";
import { publish } from "../publish.ts";

/**
 * Removes a file of an organization with its versions, and what of its upload still waits. Does
 * nothing to a file that is not there.
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
  const policies = [...(yield* Policies).values()];
  const isMadeOfUploads = policies.some(({ arrival }) => arrival === "incoming");
  // First, so that whoever makes the file meanwhile finds it.
  if (isMadeOfUploads && mayBeConfirmed(parts, yield* DateTime.now)) {
    yield* (yield* ObjectStore).copies?.writeEmpty(removedKey(key)) ?? Effect.void;
  }
  yield* removeWhole(incomingKey(key));
  yield* removeWhole(key);
  yield* publish(() => ({
    type: "upload.removed",
    slug: member.slug,
    data: { key, organization: member.organization, subject: member.principal.subject },
  }));
});

/** Removes all that the store keeps of an object. */
export const removeWhole = Effect.fnUntraced(function* (key: ObjectKey) {
  const { parts, remove, list } = yield* ObjectStore;
  const versions = list?.versions;
  if (parts !== undefined) {
    yield* forEachPage(
      (after: OpenUpload | undefined) => parts.listOpen({ prefix: key, after }),
      (found) => Effect.forEach(ofKey(found, key), parts.abort, { discard: true }),
    );
  }
  if (versions === undefined) return yield* remove({ key, version: undefined });
  yield* forEachPage(
    (after: string | undefined) => versions({ prefix: key, after }),
    // One by one, since versitygw does not bear two of one object at once.
    (found) => Effect.forEach(ofKey(found, key), remove, { discard: true }),
  );
});

/** Those of one object, of what is listed below its key. */
const ofKey = <A extends { readonly key: string }>(found: ReadonlyArray<A>, key: ObjectKey) =>
  found.flatMap((each) => (each.key === key ? [{ ...each, key }] : []));
