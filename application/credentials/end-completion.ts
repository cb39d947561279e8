import * as Arr from "effect/Array";
import type * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import {
  completedKey,
  type CredentialsGrant,
  credentialsPrefix,
  reservedKey,
} from "../../domain/credentials-grant.ts";
import type { StoreUnavailable } from "../../domain/errors.ts";
import { type IncomingKey, isIncomingKey, type StorageKey } from "../../domain/storage-key.ts";
import { listsOfStore } from "../files/list-files.ts";
import { ObjectStore, type Page, type StoredVersion } from "../ports/object-store.ts";
import { Usage } from "../ports/usage.ts";
import { endsOf } from "../uploads/grant-upload.ts";

/** Removals at once. */
const AT_ONCE = 16;
/** Most objects of one answer, where the store lets us choose. */
const PAGE = 500;

/**
 * Removes some of what is left below the prefix of a grant, and returns the grant to continue with;
 * at the end frees its bytes. The marks stay, so that what comes later becomes no file.
 */
export const endCompletion = Effect.fnUntraced(function* (grant: CredentialsGrant) {
  const { remove, parts, copies } = yield* ObjectStore;
  const list = yield* listsOfStore;
  const { after, ...ended } = grant;
  const below = { prefix: credentialsPrefix(grant), after, limit: PAGE };
  if (parts !== undefined) {
    const { found } = yield* parts.listOpen({ prefix: below.prefix });
    yield* Effect.forEach(found.filter(isOurs), parts.abort, {
      concurrency: AT_ONCE,
      discard: true,
    });
  }
  const pages: Effect.Effect<Page<Listed, string>, StoreUnavailable> = list.versions?.(below) ??
  list.objects(below);
  const { found, next } = yield* pages;
  const versions = found.filter(isOurs).map(({ key, version }) => ({ key, version }));
  yield* Effect.forEach(
    // One at a time per object, since versitygw fails on two at once.
    Object.values(Arr.groupBy(versions, ({ key }) => key)),
    (each) => Effect.forEach(each, remove, { discard: true }),
    { concurrency: AT_ONCE, discard: true },
  );
  if (next !== undefined) return { ...ended, after: next };
  yield* copies?.writeEmpty(completedKey(grant)) ?? Effect.void;
  return yield* freeReserved(yield* reservedKey(grant), grant.expiresAt);
});

/** Frees the bytes of a grant: a file of none took the place of those, and is gone. */
export const freeReserved = Effect.fnUntraced(function* (key: StorageKey, end: DateTime.Utc) {
  const usage = yield* Usage;
  yield* usage?.stored({ key, size: 0, ...endsOf(end), isFinal: true }) ?? Effect.void;
  yield* usage?.removed(key) ?? Effect.void;
  return undefined;
});

const isOurs = <A extends { readonly key: string }>(
  each: A,
): each is A & { readonly key: IncomingKey } => isIncomingKey(each.key);

interface Listed extends Partial<Omit<StoredVersion, "key">> {
  readonly key: string;
}
