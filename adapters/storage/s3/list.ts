import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type {
  ListedObject,
  ObjectStore,
  OpenUpload,
  Multipart,
  Page,
} from "../../../application/ports/object-store.ts";
import type { StoreUnavailable } from "../../../domain/errors.ts";
import type { Pair } from "../signing/v4.ts";
import { refusalIn, type StoreRefusal } from "../rest/refusal-reason.ts";
import { type Bucket, signedFetch, unavailable } from "../rest/signed-fetch.ts";
import { isWhole, textIn, textsIn, unescape } from "../rest/xml.ts";

type Refused = (refusal: StoreRefusal) => StoreUnavailable;

/** "ListObjectsV2", Amazon S3 API Reference; Cloud Storage has it in its XML API. */
export const s3List =
  (bucket: Bucket, refused: Refused): NonNullable<ObjectStore["Service"]["list"]> =>
  ({ prefix, after, limit }) =>
    page<ListedObject>(bucket, refused, {
      query: [
        ["list-type", "2"],
        ["max-keys", String(limit)],
        ["prefix", prefix],
        ...(after === undefined ? [] : [["start-after", after] as const]),
      ],
      root: "ListBucketResult",
      item: "Contents",
      read: ([key, size = "", etag, modified = ""], now) => {
        const age = now - Date.parse(modified);
        if (etag === undefined || !/^\d{1,15}$/.test(size)) return undefined;
        return { key, size: Number(size), etag, age };
      },
      members: ["Key", "Size", "ETag", "LastModified"],
      isIn: ({ key }) => key.startsWith(prefix) && key !== after,
      limit,
    }).pipe(Effect.map(({ found, next }) => ({ found, ...(next && { next: next.key }) })));

/** "ListMultipartUploads", as above. */
export const s3Uploads =
  (bucket: Bucket, refused: Refused): Multipart["listOpen"] =>
  ({ prefix, after }) =>
    page<OpenUpload>(bucket, refused, {
      query: [
        ...(after === undefined ? [] : [["key-marker", after.key] as const]),
        ["max-uploads", String(MOST_UPLOADS)],
        ["prefix", prefix],
        ...(after === undefined ? [] : [["upload-id-marker", after.uploadId] as const]),
        ["uploads", ""],
      ],
      root: "ListMultipartUploadsResult",
      item: "Upload",
      read: ([key, uploadId, initiated = ""], now) =>
        uploadId === undefined ? undefined : { key, uploadId, age: now - Date.parse(initiated) },
      members: ["Key", "UploadId", "Initiated"],
      isIn: ({ key, uploadId }) => key.startsWith(prefix) && uploadId !== after?.uploadId,
      limit: MOST_UPLOADS,
    });

const MOST_UPLOADS = 500;

type Members = readonly [key: string, ...rest: ReadonlyArray<string | undefined>];

const page = Effect.fnUntraced(function* <A extends { readonly key: string; readonly age: number }>(
  bucket: Bucket,
  refused: Refused,
  asked: {
    readonly query: ReadonlyArray<Pair>;
    readonly root: string;
    readonly item: string;
    readonly members: ReadonlyArray<string>;
    readonly read: (members: Members, now: number) => A | undefined;
    readonly isIn: (found: A) => boolean;
    readonly limit: number;
  },
): Effect.fn.Return<Page<A, A>, StoreUnavailable> {
  const { query, root, item, members, read, isIn, limit } = asked;
  const answer = yield* signedFetch(bucket, { method: "GET", query });
  const { ok, text, headers } = answer;
  const refusal = refusalIn(answer);
  // A bucket without any, as rclone calls it.
  if (refusal.code === "NoSuchUpload") return { found: [] };
  if (!ok || !isWhole(text, root)) return yield* refused(refusal);
  const now = Date.parse(headers.get("date") ?? "") || (yield* Clock.currentTimeMillis);
  const texts = textsIn(text, item);
  const found = texts.flatMap((each) => {
    const [key, ...rest] = members.map((name) => {
      const member = textIn(each, name);
      return member === undefined ? undefined : unescape(member);
    });
    const one = key === undefined ? undefined : read([key, ...rest], now);
    return one === undefined || Number.isNaN(one.age) || !isIn(one) ? [] : [one];
  });
  const last = found.at(-1);
  const isTruncated = textIn(text, "IsTruncated") === "true";
  const all = text.split(`<${item}>`).length - 1;
  // A page that repeats itself would be asked for ever.
  if (found.length < all || all > limit || (isTruncated && last === undefined)) {
    return yield* SENSELESS;
  }
  return { found, ...(isTruncated && last !== undefined && { next: last }) };
});

const SENSELESS = unavailable("the store's list of what it has makes no sense", "senseless");
