import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { MultipartId, ObjectStore } from "../../../application/ports/object-store.ts";
import type { StorageKey } from "../../../domain/storage-key.ts";
import type { S3Access } from "../rest/s3-access.ts";
import { signedFetch } from "../rest/signed-fetch.ts";

/** The store in which a command makes objects; `s3` is undefined where it has another API. */
interface Place {
  readonly store: ObjectStore["Service"];
  readonly s3: S3Access["Service"] | undefined;
}

/** The objects and uploads that a command has made in a store, and removes before it ends. */
export type Scratch = ReturnType<typeof openScratch>;

/** The version that the headers of an answer name: of what was written, or of a delete marker. */
export function versionIn(headers: Headers | Readonly<Record<string, unknown>>) {
  const [version] = ["x-amz-version-id", "x-goog-generation"].flatMap((name) =>
    headers instanceof Headers ? (headers.get(name) ?? []) : (headers[name] ?? []),
  );
  return typeof version === "string" ? version : undefined;
}

/** The key in a path or a URL; those of ours are never encoded. */
export const keyIn = (path: string): StorageKey | undefined =>
  /orgs\/[^?]+/.exec(path)?.[0] as StorageKey | undefined;

/** Timeout for the removal of everything under one key. */
const REMOVE_TIMEOUT = "5 seconds";

/** The most versions that one key gets, and more. */
const MOST_VERSIONS = 40;

/**
 * Begins with nothing. Versions are remembered from the answers, because a store need not show those
 * that lie below a delete marker (Ceph), and the key need not have the permission to list them.
 */
export function openScratch({ store, s3 }: Place) {
  const objects = new Map<StorageKey, Set<string>>();
  const uploads: Array<MultipartId> = [];
  const { look, removeOne } = s3 === undefined ? byPort(store) : byRequest(s3);

  const clear = Effect.fnUntraced(function* (key: StorageKey, versions: Iterable<string>) {
    let isCleared = true;
    // First, since a marker may hide the null version, and Swift an expired file that it still lists.
    yield* removeOne(key, "null");
    for (const version of versions) isCleared = (yield* removeOne(key, version)) && isCleared;
    let tried: string | undefined;
    for (let round = 0; round < MOST_VERSIONS; round += 1) {
      const found = yield* look(key);
      if (found === undefined) return isCleared;
      if (round > 1 && found.version === tried) return false;
      tried = found.version;
      yield* removeOne(key, tried);
    }
    return false;
  });
  const abort = (upload: MultipartId) =>
    Effect.as(store.multipart?.abort(upload) ?? Effect.void, true);

  return {
    /** Notes that something may be under a key, and the version or delete marker that was named. */
    add: (key: StorageKey, version?: string) => {
      const versions = objects.get(key) ?? new Set();
      objects.set(key, versions);
      if (version !== undefined) versions.add(version);
    },
    addUpload: (upload: MultipartId) => void uploads.push(upload),
    /** Names of what may be there. */
    names: (): ReadonlyArray<string> => [...objects.keys(), ...uploads.map(nameOfParts)],
    /** Removes all of it with every version and delete marker, and returns the names of what is left. */
    remove: Effect.suspend(() =>
      Effect.all(
        [
          ...uploads.map((upload) => unlessRemoved(nameOfParts(upload), abort(upload))),
          ...[...objects].map(([key, versions]) => unlessRemoved(key, clear(key, versions))),
        ],
        { concurrency: 12 },
      ),
    ).pipe(Effect.map((left) => left.flat())),
  };
}

const nameOfParts = ({ key }: MultipartId) => `the parts of ${key}`;

/** The name, or nothing once what it names is removed. */
const unlessRemoved = (name: string, removal: Effect.Effect<boolean, unknown>) =>
  Effect.timeoutOption(removal, REMOVE_TIMEOUT).pipe(
    Effect.catch(() => Effect.succeedNone),
    Effect.map((removed) => (Option.contains(removed, true) ? [] : [name])),
  );

/** Calls for one object. */
interface Calls {
  /** The version, or the delete marker, that is in front; undefined if there is nothing. */
  readonly look: (
    key: StorageKey,
  ) => Effect.Effect<{ readonly version?: string | undefined } | undefined, unknown>;
  /** Removes one version; false where that is refused. */
  readonly removeOne: (
    key: StorageKey,
    version: string | undefined,
  ) => Effect.Effect<boolean, unknown>;
}

const bucketFrom = ({ signers, addresses, region }: S3Access["Service"]) => ({
  signer: signers.service,
  address: addresses.internal,
  region,
});

const removeVersion = (s3: S3Access["Service"], key: StorageKey, version?: string) => {
  const query = version === undefined ? [] : [["versionId", version] as const];
  return signedFetch(bucketFrom(s3), { method: "DELETE", key, query });
};

/** By requests with the service's key, which follow the time of the fiber that runs them. */
const byRequest = (s3: S3Access["Service"]): Calls => ({
  look: Effect.fnUntraced(function* (key) {
    const { status, headers } = yield* signedFetch(bucketFrom(s3), { method: "HEAD", key });
    const isGone = status === 404 && !headers.has("x-amz-delete-marker");
    return isGone ? undefined : { version: headers.get("x-amz-version-id") ?? undefined };
  }),
  removeOne: (key, version) =>
    Effect.map(removeVersion(s3, key, version), ({ ok, status }) => ok || status === 404),
});

const byPort = (store: Place["store"]): Calls => ({
  look: (key) => Effect.map(store.head(key), Option.getOrUndefined),
  removeOne: (key, version) =>
    version === undefined || version === "null"
      ? Effect.succeed(false)
      : Effect.as(store.remove({ key, version }), true),
});

/**
 * Says why nothing that is written could be removed again; undefined if it could. Nothing is written
 * to find it out: the bucket's own retention is read, and a version removed that does not exist.
 */
export const obstacle = Effect.fnUntraced(function* ({ store, s3 }: Place, key: StorageKey) {
  const retention = yield* store.lifecycle?.retention ?? Effect.undefined;
  if (retention !== undefined) return `the bucket holds each new object for ${retention}`;
  if (s3 === undefined) return undefined;
  const { status } = yield* removeVersion(s3, key, "null");
  return status === 403
    ? "the service's key may not remove versions of objects (s3:DeleteObjectVersion)"
    : undefined;
});
