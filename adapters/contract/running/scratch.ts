import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { MultipartId, ObjectStore } from "../../../application/ports/object-store.ts";
import type { ObjectKey } from "../../../domain/storage-key.ts";
import type { S3Access } from "../../storage/s3/access.ts";
import { signedFetch } from "../../storage/rest/signed-fetch.ts";

/** The store in which a command makes objects; `s3` is undefined where it has another API. */
interface Place {
  readonly store: ObjectStore["Service"];
  readonly s3: S3Access["Service"] | undefined;
}

export type Scratch = ReturnType<typeof openScratch>;

/** The version that the headers of an answer name: of what was written, or of a delete marker. */
export function versionIn(headers: Headers | Readonly<Record<string, unknown>>) {
  const [version] = ["x-amz-version-id", "x-goog-generation", "x-ms-version-id"].flatMap((name) =>
    headers instanceof Headers ? (headers.get(name) ?? []) : (headers[name] ?? []),
  );
  return typeof version === "string" ? version : undefined;
}

/**
 * The keys in a path, a URL, or the body of an archive, where an entry may have the last part of
 * one as its name; ours are never encoded.
 */
export const keysIn = (text: string): ReadonlyArray<ObjectKey> =>
  (text.match(KEYS) ?? []) as ReadonlyArray<string> as ReadonlyArray<ObjectKey>;

const KEYS =
  /(?:incoming\/(?:removed\/)?)?orgs\/[^?\s\p{Cc}]+|incoming\/credentials(?:\/[\w-]+){2}\/[\w-][\w.-]*|(?<![\w/-])[0-9a-f]{8}-[0-9a-f-]{27}\.png/gu;

/** The key in a path or a URL. */
export const keyIn = (path: string): ObjectKey | undefined => keysIn(path)[0];

/** Timeout for the removal of everything under one key. */
const REMOVE_TIMEOUT = "20 seconds";

/** Removals without an answer after which no further one is tried. */
const MOST_SILENT = 3;

/** More versions than one key gets. */
const MOST_VERSIONS = 40;

/** Rounds in which the open uploads of a key are listed and ended. */
const MOST_LISTS = 5;

/** What may be under one key; `uploads` is undefined if none was begun. */
interface Made {
  readonly versions: Set<string>;
  uploads?: Set<string>;
}

/**
 * Remembers the objects and uploads that a command makes in a store, and removes them. Versions are
 * remembered from the answers, because a store need not show those that lie below a delete marker
 * (Ceph), and the key need not have the permission to list them.
 */
export function openScratch(place: Place) {
  const keys = new Map<ObjectKey, Made>();
  let silent = 0;
  const madeOf = (key: ObjectKey): Made => {
    const made = keys.get(key) ?? { versions: new Set() };
    keys.set(key, made);
    return made;
  };
  const isCleared = ([key, made]: readonly [ObjectKey, Made]) =>
    Effect.suspend(() =>
      silent < MOST_SILENT ? clear(place, key, made) : Effect.succeed(false),
    ).pipe(
      Effect.timeoutOrElse({
        duration: REMOVE_TIMEOUT,
        orElse: () => Effect.sync(() => ((silent += 1), false)),
      }),
      Effect.orElseSucceed(() => false),
    );
  return {
    /** Notes that something may be under a key, and the version or delete marker that was named. */
    add: (key: ObjectKey, version?: string) => {
      const { versions } = madeOf(key);
      if (version !== undefined) versions.add(version);
    },
    /** Notes that an upload in parts of a key may be open, and its name once it is known. */
    addUpload: ({ key, uploadId }: Pick<MultipartId, "key"> & Partial<MultipartId>) => {
      const made = madeOf(key);
      made.uploads ??= new Set();
      if (uploadId !== undefined) made.uploads.add(uploadId);
    },
    names: (): ReadonlyArray<string> => [...keys.keys()],
    /**
     * Removes all of it with every version, delete marker and open upload, and returns the keys under
     * which something is left.
     */
    remove: Effect.suspend(() =>
      Effect.filter(keys, (each) => Effect.map(isCleared(each), (isRemoved) => !isRemoved), {
        concurrency: 12,
      }),
    ).pipe(Effect.map((left) => left.map(([name]): string => name))),
  };
}

/** Removes everything under a key; false if something is left. */
const clear = Effect.fnUntraced(function* (place: Place, key: ObjectKey, made: Made) {
  const { versions, uploads } = made;
  // A completion would make an object of them.
  if (uploads !== undefined) yield* endUploads(place, key, uploads);
  let isCleared = true;
  // First, since a marker may hide the null version, and Swift an expired file that it still lists.
  yield* removeVersion(place, key, "null");
  for (const version of versions) {
    const status = yield* removeVersion(place, key, version);
    isCleared &&= status < 300 || status === 404;
  }
  let tried: string | undefined;
  for (let round = 0; ; round += 1) {
    const found = yield* newest(place, key);
    if (found === undefined) break;
    if (round === MOST_VERSIONS || (round > 1 && found.version === tried)) return false;
    tried = found.version;
    yield* removeVersion(place, key, tried);
  }
  return isCleared && (uploads === undefined || (yield* endUploads(place, key)));
});

/**
 * Ends the uploads of a key, those of a list too: a copy begins one of which nobody tells, and so does
 * a call whose answer is lost. False if the store goes on to list some; the service's key need not
 * have the permission to list them.
 */
const endUploads = Effect.fnUntraced(function* (
  { store: { parts } }: Place,
  key: ObjectKey,
  known: Iterable<string> = [],
) {
  if (parts === undefined) return true;
  const abort = (ids: Iterable<string>) =>
    Effect.forEach(ids, (uploadId) => parts.abort({ key, uploadId }), { discard: true });
  yield* abort(known);
  const list = parts.listOpen({ prefix: key }).pipe(
    Effect.map(({ found }) => found.filter((each) => each.key === key)),
    Effect.orElseSucceed(() => []),
  );
  for (let round = 0; round < MOST_LISTS; round += 1) {
    const open = yield* list;
    if (open.length === 0) return true;
    yield* abort(open.map(({ uploadId }) => uploadId));
  }
  return false;
});

/** Finds the version, or the delete marker, that is in front; undefined if there is nothing. */
const newest = Effect.fnUntraced(function* ({ store, s3 }: Place, key: ObjectKey) {
  if (s3 === undefined) {
    const found = Effect.map(store.head(key), Option.getOrUndefined);
    return yield* Effect.catchTag(found, "ObjectUnreadable", () =>
      Effect.succeed({ version: undefined }),
    );
  }
  const { status, headers } = yield* signedFetch(s3, { method: "HEAD", key });
  const isGone = status === 404 && !headers.has("x-amz-delete-marker");
  return isGone ? undefined : { version: versionIn(headers) };
});

/** Removes one version, or what is in front, and returns the store's status. */
const removeVersion = Effect.fnUntraced(function* (
  { store, s3 }: Place,
  key: ObjectKey,
  version: string | undefined,
) {
  if (s3 !== undefined) {
    const query = version === undefined ? [] : [["versionId", version] as const];
    return (yield* signedFetch(s3, { method: "DELETE", key, query })).status;
  }
  if (version !== "null") yield* store.remove({ key, version });
  return 204;
});

/**
 * Says why nothing that is written could be removed again; undefined if it could. Nothing is written
 * to find it out: the bucket's own retention is read, and a version removed that does not exist.
 */
export const obstacle = Effect.fnUntraced(function* (place: Place, key: ObjectKey) {
  const retention = yield* place.store.rules?.retention ?? Effect.undefined;
  if (retention !== undefined) return `the bucket holds each new object for ${retention}`;
  return (yield* removeVersion(place, key, "null")) === 403
    ? "the service's key may not remove versions of objects (s3:DeleteObjectVersion)"
    : undefined;
});
