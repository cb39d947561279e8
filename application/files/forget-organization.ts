import * as Arr from "effect/Array";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { StoreUnavailable } from "../../domain/errors.ts";
import { prefixesOfCredentials } from "../../domain/credentials-grant.ts";
import type { OrganizationId } from "../../domain/organization.ts";
import {
  INCOMING_PREFIX,
  type ObjectKey,
  parse,
  prefixFor,
  REMOVED_PREFIX,
  type StorageKey,
  withPublicFolder,
} from "../../domain/storage-key.ts";
import { Usage } from "../ports/usage.ts";
import { publish } from "../publish.ts";
import { forEachPage } from "../store/for-each-page.ts";
import { recountFiles } from "./count-files.ts";
import { markRemoval } from "./remove-file.ts";
import {
  type MultipartId,
  ObjectStore,
  type OpenUpload,
  type Page,
  type StoredVersion,
} from "../ports/object-store.ts";

/** An object, a version, a delete marker or an upload in parts, and what became of it. */
export type RemovalResult = (StoredVersion | MultipartId) & {
  /** Reason why the store keeps it; undefined if it is removed. */
  readonly kept?: string;
};

/**
 * Reports everything that the store has of an organization, or of one of its folders, and removes
 * it with `apply`. With `keepsMarks`, no confirm under way makes a file again, nor of what comes in
 * its place; the marks are not reported, and go with what waits. An object that the store refuses to
 * remove is reported, and the rest goes on; without an answer the removal ends, and can be run again.
 */
export const forgetOrganization = Effect.fnUntraced(function* (request: {
  readonly organization: OrganizationId;
  readonly folder?: string | undefined;
  readonly apply: boolean;
  /** True if uploads may wait. */
  readonly keepsMarks: boolean;
  /** True if other stores may have files of the organization. */
  readonly isOneOfSeveral?: boolean;
  readonly report: (each: RemovalResult) => void;
}) {
  const { organization, folder, apply, keepsMarks, isOneOfSeveral = false, report } = request;
  const { list, parts, remove } = yield* ObjectStore;
  const mark = (key: string) => {
    const file = parse(key.startsWith(INCOMING_PREFIX) ? key.slice(INCOMING_PREFIX.length) : key);
    return apply && keepsMarks && Option.isSome(file) ? markRemoval(file.value) : Effect.void;
  };
  const removeAll = <Each extends RemovalResult>(
    entries: ReadonlyArray<Each>,
    end: (each: Each) => Effect.Effect<void, StoreUnavailable>,
  ) => {
    const removed = Effect.fnUntraced(function* (each: Each) {
      // Published before the removal: a removed object is not listed again.
      if (apply && Option.isSome(parse(each.key)) && !("uploadId" in each)) {
        const data = { key: each.key as StorageKey, organization, subject: "valetkey forget" };
        const { size } = each;
        yield* publish(() => ({
          type: "upload.removed",
          data: size === undefined ? data : { ...data, size },
        }));
      }
      const kept = apply ? yield* keptBecause(end(each)) : undefined;
      report(kept === undefined ? each : { ...each, kept });
    });
    // One at a time per object, since versitygw fails on two at once.
    return Effect.forEach(
      Object.entries(Arr.groupBy(entries, ({ key }) => key)),
      ([key, each]) => Effect.andThen(mark(key), Effect.forEach(each, removed, { discard: true })),
      { concurrency: AT_ONCE, discard: true },
    );
  };
  const folders = folder === undefined ? [folder] : withPublicFolder(folder);
  const prefixes = folders.map((each) => prefixFor(organization, each));
  const places = ["", INCOMING_PREFIX, ...(keepsMarks ? [] : [REMOVED_PREFIX])];
  const below = [
    ...places.flatMap((place) => prefixes.map((each) => `${place}${each}`)),
    ...(folder === undefined ? prefixesOfCredentials(organization) : []),
  ];
  // Its account is unknown while files go: a list of the rest ends that.
  const forgetCount = (yield* Usage)?.forget(organization) ?? Effect.void;
  if (apply) yield* forgetCount;
  for (const prefix of below) {
    if (parts !== undefined) {
      yield* forEachPage(
        (after: OpenUpload | undefined) => parts.listOpen({ prefix, after }),
        (uploads) => removeAll(uploads.map(withUploadId), parts.abort),
      );
    }
    yield* forEachPage(
      (after: string | undefined): Effect.Effect<Page<VersionRef, string>, StoreUnavailable> => {
        const below = { prefix, after, limit: 1000 };
        return list?.versions?.(below) ?? list?.objects(below) ?? NOTHING;
      },
      (versions) => removeAll(versions.map(withVersion), remove),
    );
  }
  // Of several stores the service counts: its next grant lists those of the organization.
  if (apply) yield* isOneOfSeveral ? forgetCount : recountFiles(organization);
});

const AT_ONCE = 16;
const NOTHING = Effect.succeed({ found: [] });

interface VersionRef extends Partial<Omit<StoredVersion, "key">> {
  readonly key: string;
}

/** Without versions, an object is removed by the version that `remove` takes. */
const withVersion = (entry: VersionRef) => ({
  key: entry.key as ObjectKey,
  version: entry.version,
  ...(entry.size !== undefined && { size: entry.size }),
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
