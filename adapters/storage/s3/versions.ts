import * as Effect from "effect/Effect";
import type { ObjectStore, StoredVersion } from "../../../application/ports/object-store.ts";
import type { StoreUnavailable } from "../../../domain/errors.ts";
import type { IncomingKey, ObjectKey } from "../../../domain/storage-key.ts";
import type { Pair } from "../signing/v4.ts";
import {
  type BucketSettings,
  refusalIn,
  refused,
  type StoreRefusal,
} from "../rest/refusal-reason.ts";
import { type Bucket, signedFetch, unavailable } from "../rest/signed-fetch.ts";
import { isWhole, textIn, textsIn, unescape } from "../rest/xml.ts";

/** "ListObjectVersions", Amazon S3 API Reference; a store without it keeps one of an object. */
export const s3Versions = (
  bucket: Bucket,
  settings: BucketSettings,
  list: NonNullable<ObjectStore["Service"]["list"]>,
): NonNullable<ObjectStore["Service"]["versions"]> =>
  Effect.fnUntraced(function* ({ prefix, after }) {
    const [key, version] = after?.split("\n") ?? [];
    const query: ReadonlyArray<Pair> = [
      ...(key ? [["key-marker", key] as const] : []),
      ["prefix", prefix],
      ...(version ? [["version-id-marker", version] as const] : []),
      ["versions", ""],
    ];
    const answer = yield* signedFetch(bucket, { method: "GET", query });
    const { ok, text } = answer;
    if (answer.status === 501) {
      const objects = yield* list({ prefix, after, limit: 1000 });
      const found = objects.found.map((each) => ({
        key: each.key as ObjectKey,
        version: undefined,
      }));
      return { ...objects, found };
    }
    if (refusalIn(answer).code === "AccessDenied") return yield* MAY_NOT;
    if (!ok || !ROOTS.some((root) => isWhole(text, root))) {
      return yield* refused(settings, refusalIn(answer));
    }
    const found = KINDS.flatMap((kind) => textsIn(text, kind)).flatMap(versionIn);
    const markers = NEXT.map((name) => unescape(textIn(text, name) ?? ""));
    const next = textIn(text, "IsTruncated") === "true" ? markers.join("\n") : undefined;
    const isSenseless =
      found.length !== text.split("<Key>").length - 1 ||
      !found.every(({ key }) => key.startsWith(prefix)) ||
      // It would be asked for ever.
      (next !== undefined && (next === after || next.startsWith("\n")));
    if (isSenseless) return yield* SENSELESS;
    return { found, ...(next !== undefined && { next }) };
  });

/** The second is that of rclone and gofakes3. */
const ROOTS = ["ListVersionsResult", "ListBucketVersionsResult"];
const KINDS = ["Version", "DeleteMarker"];
const NEXT = ["NextKeyMarker", "NextVersionIdMarker"];

function versionIn(text: string): ReadonlyArray<StoredVersion> {
  const key = textIn(text, "Key");
  return key === undefined
    ? []
    : [{ key: unescape(key) as ObjectKey, version: textIn(text, "VersionId") }];
}

const MAY_NOT = unavailable(
  "the service's key may not list versions of files; allow it s3:ListBucketVersions",
);

const SENSELESS = unavailable("the store's list of versions makes no sense", "senseless");

export const writeEmpty = Effect.fnUntraced(function* (
  bucket: Bucket,
  key: IncomingKey,
  failed: (refusal: StoreRefusal) => StoreUnavailable,
) {
  const answer = yield* signedFetch(bucket, { method: "PUT", key });
  if (!answer.ok) yield* failed(refusalIn(answer));
});
