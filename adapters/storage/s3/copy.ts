import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import type { Copies, ObjectRef, Parts } from "../../../application/ports/object-store.ts";
import type { StoreUnavailable } from "../../../domain/errors.ts";
import { NAMES } from "../signing/binding.ts";
import { encodeKey, type Pair } from "../signing/v4.ts";
import { type BucketSettings, refusalIn, refused } from "../rest/refusal-reason.ts";
import { piecesOf } from "../rest/pieces.ts";
import { type Bucket, signedFetch, unavailable } from "../rest/signed-fetch.ts";
import { isWhole, textIn, unescape } from "../rest/xml.ts";

type Copy = Copies["copy"];

/**
 * Copies as a multipart upload with copied parts: nobody can read it before its completion, which
 * writes at most once, and the object has only what its start sets. ("CopyObject" of MinIO and
 * versitygw ignores `If-None-Match`.)
 */
export const s3Copy = (
  bucket: Bucket,
  settings: BucketSettings,
  multipart: Parts<never>,
  largestCopy = -1,
): Copy => {
  /** Returns the ETag of the copy, or nothing if the upload has changed. */
  const copyFrom = Effect.fnUntraced(function* (
    upload: Parameters<Copy>[0],
    further: ReadonlyArray<Pair>,
    query: ReadonlyArray<Pair> = [],
  ) {
    const headers = [...sourceHeaders(settings.bucket, upload), ...further];
    const answer = yield* signedFetch(bucket, { method: "PUT", key: upload.to, query, headers });
    const refusal = refusalIn(answer);
    if (CHANGED.has(refusal.code)) return undefined;
    if (refusal.code === "AccessDenied") return yield* MAY_NOT;
    // S3 may answer 200 and then an error. S3Proxy names a part as a copied object.
    const isDone = ["CopyPartResult", "CopyObjectResult"].some((root) =>
      isWhole(answer.text, root),
    );
    const text = isDone ? textIn(answer.text, "ETag") : undefined;
    if (!answer.ok || text === undefined) return yield* refused(settings, refusal);
    return unescape(text);
  });

  const copyAs = Effect.fnUntraced(function* (upload: Parameters<Copy>[0]) {
    const { to: key, contentType, names, mayPublish } = upload;
    if (upload.size <= largestCopy && mayPublish === undefined) {
      const named = names === undefined ? [] : [[NAMES, names] as const];
      const etag = yield* copyFrom(upload, [["content-type", contentType], ANEW, ...named]);
      return etag === undefined ? "changed" : "copied";
    }
    const id = { key, uploadId: yield* multipart.create({ key, contentType, names }) };
    const copy = Effect.gen(function* () {
      const pieces = piecesOf(upload.size);
      const etags = yield* Effect.forEach(
        pieces.length > 1 ? pieces : [undefined],
        (range, index) =>
          copyFrom(upload, range === undefined ? [] : [["x-amz-copy-source-range", range]], [
            ["partNumber", `${index + 1}`],
            ["uploadId", id.uploadId],
          ]),
        { concurrency: AT_ONCE },
      );
      const parts = etags.flatMap((etag, index) =>
        etag === undefined ? [] : { partNumber: index + 1, etag, size: 0 },
      );
      if (parts.length < etags.length) return "changed";
      if (mayPublish !== undefined && !(yield* mayPublish)) return "changed";
      const outcome = yield* multipart.complete({ ...id, parts });
      if (outcome === "changed") return yield* UNKNOWN_PARTS;
      return outcome === "completed" ? "copied" : outcome === "exists" ? "exists" : "changed";
    });
    return yield* Effect.onExit(copy, (exit) =>
      Exit.isSuccess(exit) && exit.value === "copied"
        ? Effect.void
        : Effect.ignore(multipart.abort(id)),
    );
  });
  return (upload) =>
    Effect.catchIf(copyAs(upload), isRefused, (refusal) =>
      // Swift takes 256 bytes of metadata: a file is worth more than its name.
      upload.names === undefined ? Effect.fail(refusal) : copyAs({ ...upload, names: undefined }),
    );
};

const isRefused = ({ kind, isTemporary }: StoreUnavailable) => kind === "refused" && !isTemporary;

/** Copies only the bytes of the upload. */
const ANEW: Pair = ["x-amz-metadata-directive", "REPLACE"];

const UNKNOWN_PARTS = unavailable(
  "the store does not know the parts that it has copied",
  "senseless",
);

const MAY_NOT = unavailable(
  "the service's key may not copy an upload to its place; allow it s3:GetObject of uploads and s3:PutObject of files",
);

const sourceHeaders = (bucket: string, { key, version, etag }: ObjectRef): ReadonlyArray<Pair> => {
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
  // A concurrent removal ends uploads in parts.
  "NoSuchUpload",
]);

const AT_ONCE = 8;
