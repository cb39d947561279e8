import * as Arr from "effect/Array";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { StoreUnavailable } from "../../domain/errors.ts";
import type { OrganizationId } from "../../domain/organization.ts";
import {
  INCOMING_PREFIX,
  type ObjectKey,
  parse,
  prefixFor,
  REMOVED_PREFIX,
  type StorageKey,
} from "../../domain/storage-key.ts";
import { publish } from "../publish.ts";
import { forEachPage } from "./for-each-page.ts";
import {
  type MultipartId,
  ObjectStore,
  type OpenUpload,
  type Page,
  type StoredVersion,
} from "../ports/object-store.ts";

/** An object, a version of it, a delete marker or an upload in parts, and its end. */
export type RemovalResult = (StoredVersion | MultipartId) & {
  /** Why the store keeps it; undefined if it is removed. */
  readonly kept?: string;
};

/**
 * Tells of everything of an organization, or of one of its folders, that the store shows, and
 * removes it with `apply`. A store
 * that refuses to remove an object ends nothing; one that does not answer ends all, and to begin
 * again does what is left.
 */
export const forgetOrganization = Effect.fnUntraced(function* (request: {
  readonly organization: OrganizationId;
  readonly folder?: string | undefined;
  readonly apply: boolean;
  readonly tell: (each: RemovalResult) => void;
}) {
  const { organization, folder, apply, tell } = request;
  const { list, parts, remove } = yield* ObjectStore;
  const removeAll = <Each extends RemovalResult>(
    found: ReadonlyArray<Each>,
    end: (each: Each) => Effect.Effect<void, StoreUnavailable>,
  ) => {
    const removed = Effect.fnUntraced(function* (each: Each) {
      // Before the removal: what is gone is not found again.
      if (apply && Option.isSome(parse(each.key)) && !("uploadId" in each)) {
        const data = { key: each.key as StorageKey, organization, subject: "valetkey forget" };
        yield* publish(() => ({ type: "upload.removed", data }));
      }
      const kept = apply ? yield* keptBecause(end(each)) : undefined;
      tell(kept === undefined ? each : { ...each, kept });
    });
    // Those of one object one by one, since versitygw does not bear two at once.
    return Effect.forEach(
      Object.values(Arr.groupBy(found, ({ key }) => key)),
      (each) => Effect.forEach(each, removed, { discard: true }),
      { concurrency: AT_ONCE, discard: true },
    );
  };
  for (const place of ["", INCOMING_PREFIX, REMOVED_PREFIX]) {
    const prefix = `${place}${prefixFor(organization, folder)}`;
    if (parts !== undefined) {
      yield* forEachPage(
        (after: OpenUpload | undefined) => parts.listOpen({ prefix, after }),
        (found) => removeAll(found.map(withUploadId), parts.abort),
      );
    }
    yield* forEachPage(
      (after: string | undefined): Effect.Effect<Page<VersionRef, string>, StoreUnavailable> => {
        const below = { prefix, after, limit: 1000 };
        return list?.versions?.(below) ?? list?.objects(below) ?? NOTHING;
      },
      (found) => removeAll(found.map(withVersion), remove),
    );
  }
});

const AT_ONCE = 16;
const NOTHING = Effect.succeed({ found: [] });

interface VersionRef {
  readonly key: string;
  readonly version?: string | undefined;
}

/** Where there are no versions, an object has the one that `remove` takes. */
const withVersion = (found: VersionRef) => ({
  key: found.key as ObjectKey,
  version: found.version,
});

const withUploadId = ({ key, uploadId }: OpenUpload) => ({ key: key as ObjectKey, uploadId });

const keptBecause = (end: Effect.Effect<void, StoreUnavailable>) =>
  Effect.as(end, undefined).pipe(
    Effect.catch((failure) =>
      failure.kind === "refused" && failure.isTemporary !== true
        ? Effect.succeed(failure.reason)
        : Effect.fail(failure),
    ),
  );
