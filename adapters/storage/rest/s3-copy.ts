import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Predicate from "effect/Predicate";
import type { Looked, Multipart, ObjectStore } from "../../../application/ports/object-store.ts";
import type { StorageKey } from "../../../domain/storage-key.ts";
import { encodeKey, type Pair } from "../signing/v4.ts";
import { type BucketSettings, refusalIn, refused } from "./refusal-reason.ts";
import { type Bucket, signedFetch } from "./signed-fetch.ts";
import { isWhole, textIn, unescape } from "./xml.ts";

type Copy = NonNullable<ObjectStore["Service"]["copy"]>;

/**
 * As a multipart upload whose parts are copied: a completion writes at most once, and the object has
 * nothing that its start did not give it. ("CopyObject" of MinIO and versitygw ignores
 * `If-None-Match`.) A store without such uploads replaces an object that came since the caller
 * looked.
 */
export const s3Copy = (
  bucket: Bucket,
  settings: BucketSettings,
  multipart: Multipart | undefined,
): Copy => {
  /** The ETag of what was made; undefined if the upload has changed. */
  const copy = Effect.fnUntraced(function* (
    upload: Looked,
    made: {
      readonly key: StorageKey;
      readonly query?: ReadonlyArray<Pair>;
      readonly headers: ReadonlyArray<Pair>;
      readonly root: string;
    },
  ) {
    const headers = [...sourceHeaders(settings.bucket, upload), ...made.headers];
    const answer = yield* signedFetch(bucket, { method: "PUT", ...made, headers });
    // S3 may answer 200 and then an error.
    const etag = isWhole(answer.text, made.root) ? textIn(answer.text, "ETag") : undefined;
    if (answer.ok && etag !== undefined) return unescape(etag);
    const refusal = refusalIn(answer);
    return CHANGED.has(refusal.code) ? undefined : yield* refused(settings, refusal);
  });

  if (multipart === undefined) {
    return (upload) => {
      const headers = [...REPLACED, ["content-type", upload.mediaType] as const];
      const copied = copy(upload, { key: upload.to, headers, root: "CopyObjectResult" });
      return Effect.map(copied, (etag) => (etag === undefined ? "changed" : "copied"));
    };
  }

  return Effect.fnUntraced(function* (upload) {
    const { to: key, mediaType } = upload;
    const uploadId = yield* multipart.create({ key, mediaType });
    const copyPart = (headers: ReadonlyArray<Pair>, index: number) => {
      const query = [["partNumber", `${index + 1}`] as const, ["uploadId", uploadId] as const];
      return copy(upload, { key, query, headers, root: "CopyPartResult" });
    };
    return yield* Effect.forEach(ranges(upload.size), copyPart, { concurrency: AT_ONCE }).pipe(
      Effect.map((etags) => etags.filter(Predicate.isNotUndefined)),
      Effect.flatMap((etags) =>
        etags.length < ranges(upload.size).length
          ? Effect.succeed("changed" as const)
          : multipart.complete({
              key,
              uploadId,
              parts: etags.map((etag, index) => ({ partNumber: index + 1, etag, size: 0 })),
            }),
      ),
      Effect.onExit((exit) =>
        Exit.isSuccess(exit) && exit.value === "completed"
          ? Effect.void
          : Effect.ignore(multipart.abort({ key, uploadId })),
      ),
      Effect.map((outcome) =>
        outcome === "completed" ? "copied" : outcome === "exists" ? "exists" : "changed",
      ),
    );
  });
};

const sourceHeaders = (bucket: string, { key, version, etag }: Looked): ReadonlyArray<Pair> => {
  const object = `${bucket}${bucket.startsWith("arn:") ? "/object" : ""}/${encodeKey(key)}`;
  const query = version === undefined ? "" : `?versionId=${encodeURIComponent(version)}`;
  return [
    ["x-amz-copy-source", `${object}${query}`],
    ["x-amz-copy-source-if-match", etag],
  ];
};

const CHANGED: ReadonlySet<string | undefined> = new Set([
  "PreconditionFailed",
  "NoSuchKey",
  "NoSuchVersion",
]);

const REPLACED: ReadonlyArray<Pair> = [
  ["x-amz-metadata-directive", "REPLACE"],
  ["x-amz-tagging-directive", "REPLACE"],
];

/** In bytes. A part is at most 5 GiB, and several are copied sooner than one. */
const PIECE = 2 ** 30;
const AT_ONCE = 8;

const ranges = (size: number): ReadonlyArray<ReadonlyArray<Pair>> =>
  size <= PIECE
    ? [[]]
    : Array.from({ length: Math.ceil(size / PIECE) }, (_, index) => {
        const end = Math.min(size, (index + 1) * PIECE) - 1;
        return [["x-amz-copy-source-range", `bytes=${index * PIECE}-${end}`] as const];
      });
