import * as Duration from "effect/Duration";
import * as Schema from "effect/Schema";
import { ByteSize, mebibytes } from "./byte-size.ts";
import { sealedFields, sealedNames } from "./receipt.ts";
import { uploadKey } from "./storage-key.ts";
import type { UploadDifference } from "./upload-difference.ts";

/** "Amazon S3 multipart upload limits", S3 User Guide. */
export const MOST_PARTS = 10_000;

/** The number of a part: 1 to 10,000. */
export const PartNumber = Schema.Number.check(
  Schema.makeFilter<number>(
    (value) =>
      Number.isInteger(value) && value >= 1 && value <= MOST_PARTS
        ? undefined
        : `it is not a whole number from 1 to ${MOST_PARTS}`,
    {
      identifier: "PartNumber",
      examples: [1],
      toJsonSchema: () => ({ type: "integer", minimum: 1, maximum: MOST_PARTS }),
    },
  ),
).pipe(Schema.brand("PartNumber"));
export type PartNumber = typeof PartNumber.Type;

/** The time from its start in which an upload in parts can be continued and completed. */
export const MULTIPART_LIFETIME = Duration.days(1);

/** The age, in whole days, from which an upload in parts can no longer be completed. */
export const ABANDONED_AFTER = Math.ceil(Duration.toDays(MULTIPART_LIFETIME));

/** A granted upload in parts, sealed, which the client sends with each request. */
export const MultipartUpload = Schema.Struct({
  ...sealedFields,
  uploadId: Schema.String,
  /** The size of every part but the last. */
  partSize: ByteSize,
  expiresAt: Schema.DateTimeUtcFromMillis,
}).pipe(Schema.encodeKeys({ ...sealedNames, uploadId: "d", partSize: "b", expiresAt: "x" }));
export type MultipartUpload = typeof MultipartUpload.Type;

/** Returns the names by which the store knows an upload. */
export const namesInStore = (upload: Pick<MultipartUpload, "key" | "uploadId" | "incoming">) => ({
  key: uploadKey(upload),
  uploadId: upload.uploadId,
});

type Sizes = Pick<MultipartUpload, "size" | "partSize">;

const MEBIBYTE = mebibytes(1);
/** Amazon S3 refuses smaller parts, except for the last one. */
export const SMALLEST_PART = mebibytes(5);

/**
 * Returns the smallest whole number of MiB, from 5, with which 10,000 parts hold `size` bytes. Parts
 * of `wanted` bytes are smaller where the store takes them from `least` on, and hold the file too.
 */
export const partSizeFor = (
  size: ByteSize,
  wanted = Infinity,
  least: number = SMALLEST_PART,
): ByteSize => {
  const usual = mebibytes(
    Math.max(SMALLEST_PART / MEBIBYTE, Math.ceil(size / (MOST_PARTS * MEBIBYTE))),
  );
  return ByteSize.make(Math.min(usual, Math.max(wanted, least, Math.ceil(size / MOST_PARTS))));
};

export const countParts = ({ size, partSize }: Sizes): number => Math.ceil(size / partSize);

/** Returns the exact length of a part; undefined if the upload has no part of this number. */
export function partLength(upload: Sizes, number: number): ByteSize | undefined {
  const { size, partSize } = upload;
  const count = countParts(upload);
  if (number > count) return undefined;
  return number < count ? partSize : ByteSize.make(size - (count - 1) * partSize);
}

/** A part as the client names it. */
export interface SentPart {
  readonly partNumber: PartNumber;
  /** With or without quotes. */
  readonly etag: string;
}

/** A part as the store lists it. */
export interface StoredPart {
  readonly partNumber: number;
  /** In bytes. */
  readonly size: number;
  /** The store's proof that the part is there, as written by the store and not interpreted. */
  readonly etag: string;
  /** Its CRC-32C in base64, if the store lists it. */
  readonly crc32c?: string | undefined;
}

/**
 * Compares the parts in the store with the grant, and with those that the client names. An upload
 * that `breaksGrant` cannot be repaired by another part.
 */
export function compareParts(
  upload: Sizes,
  stored: ReadonlyArray<StoredPart>,
  sent: ReadonlyArray<SentPart>,
) {
  let breaksGrant = false;
  const differences: Array<UploadDifference> = [];
  const named = new Map<number, string>(sent.map(({ partNumber, etag }) => [partNumber, etag]));
  const missing = new Set(Array.from({ length: countParts(upload) }, (_, index) => index + 1));
  for (const { partNumber, size, etag } of stored) {
    const expected = partLength(upload, partNumber) ?? 0;
    if (size !== expected) {
      breaksGrant = true;
      differences.push({ property: `parts/${partNumber}/size`, expected, actual: size });
    }
    const sentEtag = named.get(partNumber);
    if (sentEtag === undefined) continue;
    missing.delete(partNumber);
    if (bare(sentEtag) !== bare(etag)) {
      differences.push({ property: `parts/${partNumber}/etag`, expected: sentEtag, actual: etag });
    }
  }
  return { missing: [...missing], differences, breaksGrant };
}

const bare = (etag: string) => etag.replace(/^"|"$/g, "");
