import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { ListedObject, ObjectStore } from "../../../application/ports/object-store.ts";
import type { StoreUnavailable } from "../../../domain/errors.ts";
import type { Pair } from "../signing/v4.ts";
import type { StoreRefusal } from "./refusal-reason.ts";
import { refusalIn } from "./refusal-reason.ts";
import { type Answer, type Bucket, signedFetch, unavailable } from "./signed-fetch.ts";
import { isWhole, textIn, textsIn, unescape } from "./xml.ts";

/** "ListObjectsV2", Amazon S3 API Reference; Cloud Storage has it in its XML API. */
export const s3List = (
  bucket: Bucket,
  refused: (refusal: StoreRefusal) => StoreUnavailable,
): NonNullable<ObjectStore["Service"]["list"]> =>
  Effect.fnUntraced(function* ({ prefix, after, limit }) {
    const query: ReadonlyArray<Pair> = [
      ["list-type", "2"],
      ["max-keys", String(limit)],
      ["prefix", prefix],
      ...(after === undefined ? [] : [["start-after", after] as const]),
    ];
    const answer = yield* signedFetch(bucket, { method: "GET", query });
    const { ok, text } = answer;
    if (!ok || !isWhole(text, "ListBucketResult")) return yield* refused(refusalIn(answer));
    const now = storeTime(answer) ?? (yield* Clock.currentTimeMillis);
    const found = textsIn(text, "Contents").flatMap((each) => objectIn(each, now));
    const last = found.at(-1)?.key;
    const isTruncated = textIn(text, "IsTruncated") === "true";
    const isSenseless =
      found.length !== text.split("<Contents>").length - 1 ||
      found.length > limit ||
      !found.every(({ key }) => key.startsWith(prefix) && key !== after) ||
      // It would be asked for ever.
      (isTruncated && last === undefined);
    if (isSenseless) return yield* SENSELESS;
    return { found, ...(isTruncated && last !== undefined && { next: last }) };
  });

export const storeTime = ({ headers }: Answer): number | undefined =>
  Date.parse(headers.get("date") ?? "") || undefined;

function objectIn(text: string, now: number): ReadonlyArray<ListedObject> {
  const [key, size = "", etag, modified = ""] = MEMBERS.map((name) => textIn(text, name));
  const age = now - Date.parse(modified);
  if (key === undefined || etag === undefined || !/^\d{1,15}$/.test(size)) return [];
  return Number.isNaN(age)
    ? []
    : [{ key: unescape(key), size: Number(size), etag: unescape(etag), age }];
}

const MEMBERS = ["Key", "Size", "ETag", "LastModified"];

export const SENSELESS = unavailable("the store's list of its objects makes no sense", "senseless");
