import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { Completion, Parts } from "../../../application/ports/object-store.ts";
import type { Checksum } from "../../../domain/checksum.ts";
import type { StoredPart } from "../../../domain/multipart.ts";
import type { ObjectKey } from "../../../domain/storage-key.ts";
import { CHECKSUM_HEADERS, NAMES } from "../signing/binding.ts";
import type { Pair } from "../signing/v4.ts";
import { refusalIn } from "./refusal-reason.ts";
import { type Bucket, type Refuse, signedFetch, type StoreResponse } from "./signed-fetch.ts";
import { document, element, escape, isWhole, textIn, textsIn, unescape } from "./xml.ts";

/**
 * Makes the calls "CreateMultipartUpload" and the like, Amazon S3 API Reference. The MinIO client
 * cannot complete an upload on a condition, and Google's client makes none of these requests.
 */
export const multipartCalls = (
  bucket: Bucket,
  store: {
    readonly refuse: Refuse;
    /** The headers by which a completion fails if there is an object under the key. */
    readonly ifNone: ReadonlyArray<Pair>;
  },
): Omit<Parts<never>, "listOpen"> => {
  const { refuse } = store;
  return {
    create: Effect.fnUntraced(function* ({ key, contentType, names, checksum }) {
      const answer = yield* signedFetch(bucket, {
        method: "POST",
        key,
        query: [["uploads", ""]],
        headers: [
          ["content-type", contentType],
          ...(names === undefined ? [] : [[NAMES, names] as const]),
          ...(checksum ? announced(checksum) : []),
        ],
      });
      const uploadId = isAbout(answer, "InitiateMultipartUploadResult", key)
        ? textIn(answer.text, "UploadId")
        : undefined;
      // Without an id, a copied part could be a whole object.
      if (uploadId && uploadId.length <= LONGEST_ID) return uploadId;
      return yield* refuse(answer);
    }),
    list: Effect.fnUntraced(function* ({ key, uploadId }) {
      const parts: Array<DatedPart> = [];
      let after: string | undefined = "0";
      while (after !== undefined) {
        const answer: StoreResponse = yield* signedFetch(bucket, {
          method: "GET",
          key,
          query: [
            ["part-number-marker", after],
            ["uploadId", uploadId],
          ],
        });
        if (isEnded(answer)) return Option.none();
        const { text } = answer;
        const page = partsIn(text);
        const isComplete = page.length === text.split("<Part>").length - 1;
        if (!isAbout(answer, "ListPartsResult", key) || !isComplete) return yield* refuse(answer);
        parts.push(...page);
        const next = /^\d{1,5}$/.exec(textIn(text, "NextPartNumberMarker") ?? "")?.[0];
        const isTruncated = textIn(text, "IsTruncated") === "true";
        if (parts.length > MOST_LISTED) return yield* refuse(answer);
        // A store that repeats its page would be asked forever.
        after = isTruncated && Number(next) > Number(after) ? next : undefined;
      }
      return Option.some(newestParts(parts));
    }),
    complete: Effect.fnUntraced(function* ({ key, uploadId, parts, checksum }) {
      const answer = yield* signedFetch(bucket, {
        method: "POST",
        key,
        query: [["uploadId", uploadId]],
        headers: [
          ["content-type", "application/xml"],
          ...store.ifNone,
          ...(checksum
            ? [[CHECKSUM_HEADERS[checksum.algorithm], checksum.value] as const, WHOLE]
            : []),
        ],
        body: completionFrom(parts),
      });
      // A store may answer a long call with 200 before it knows the outcome.
      if (isAbout(answer, "CompleteMultipartUploadResult", key)) return "completed";
      const { status, code } = refusalIn(answer);
      // Swift calls it InvalidRequest.
      if (status === 412 && code !== undefined) return "exists";
      return COMPLETIONS.get(code) ?? (yield* refuse(answer));
    }),
    abort: Effect.fnUntraced(function* ({ key, uploadId }) {
      const query = [["uploadId", uploadId]] as const;
      const answer = yield* signedFetch(bucket, { method: "DELETE", key, query });
      if (!answer.ok && !isEnded(answer)) yield* refuse(answer);
    }),
  };
};

const WHOLE: Pair = ["x-amz-checksum-type", "FULL_OBJECT"];
const announced = ({ algorithm }: Checksum): ReadonlyArray<Pair> => [
  ["x-amz-checksum-algorithm", algorithm.toUpperCase()],
  WHOLE,
];

type DatedPart = StoredPart & { readonly arrived: number };

/** Keeps the newest of each part: SeaweedFS also lists replaced ones, in any order. */
function newestParts(parts: Iterable<DatedPart>): ReadonlyArray<StoredPart> {
  const newest = new Map<number, DatedPart>();
  for (const part of parts) {
    const { arrived = -1 } = newest.get(part.partNumber) ?? {};
    if (part.arrived >= arrived) newest.set(part.partNumber, part);
  }
  return [...newest.values()].sort((a, b) => a.partNumber - b.partNumber);
}

const COMPLETIONS: ReadonlyMap<string | undefined, Completion> = new Map([
  ["NoSuchUpload", "ended"],
  // As Ceph, Swift and S3Proxy call it.
  ["NoSuchKey", "ended"],
  ["PreconditionFailed", "exists"],
  ["InvalidPart", "changed"],
  ["BadDigest", "mismatch"],
  // As MinIO and Garage call it.
  ["XAmzContentChecksumMismatch", "mismatch"],
  ["InvalidDigest", "mismatch"],
] as const);

/** Returns true for a complete answer about this object. */
const isAbout = ({ ok, text }: StoreResponse, root: string, key: ObjectKey) =>
  ok && isWhole(text, root) && unescape(textIn(text, "Key") ?? key) === key;

/** An upload has 10,000 parts, and some stores also list those that were replaced. */
const MOST_LISTED = 100_000;

/** In characters; ids of stores have up to 400. */
const LONGEST_ID = 2048;

const isEnded = (answer: StoreResponse) => COMPLETIONS.get(refusalIn(answer).code) === "ended";

export const completionFrom = (parts: ReadonlyArray<StoredPart>) =>
  document(
    "CompleteMultipartUpload",
    parts
      .map(({ partNumber, etag, crc32c }) =>
        element(
          "Part",
          element("PartNumber", partNumber) +
            element("ETag", escape(etag)) +
            (crc32c === undefined ? "" : element("ChecksumCRC32C", escape(crc32c))),
        ),
      )
      .join(""),
  );

const partsIn = (text: string): ReadonlyArray<DatedPart> =>
  textsIn(text, "Part").flatMap((part) => {
    const [partNumber, size, etag, crc32c, date = ""] = MEMBERS.map((name) => textIn(part, name));
    if (etag === undefined || !isCount(partNumber) || !isCount(size)) return [];
    return {
      partNumber: Number(partNumber),
      size: Number(size),
      etag: unescape(etag),
      ...(crc32c !== undefined && { crc32c: unescape(crc32c) }),
      arrived: Date.parse(date) || 0,
    };
  });

const isCount = (text = "") => /^\d{1,15}$/.test(text);

const MEMBERS = ["PartNumber", "Size", "ETag", "ChecksumCRC32C", "LastModified"];
