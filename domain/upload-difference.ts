import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Schema from "effect/Schema";
import type { ChecksumAlgorithm } from "./checksum.ts";
import type { Receipt } from "./receipt.ts";

const SizeOrText = Schema.Union([Schema.String, Schema.Natural], { mode: "oneOf" }).annotate({
  identifier: "SizeOrText",
});

/**
 * One property in which a stored object differs from its grant: `size`, `contentType`, `checksum`,
 * or a header in lower case; `last-modified` is the object's time. `expected` is empty for a header
 * that was not granted.
 */
export const UploadDifference = Schema.Struct({
  property: Schema.String,
  expected: SizeOrText,
  actual: SizeOrText,
}).annotate({ identifier: "Difference" });
export interface UploadDifference extends Schema.Schema.Type<typeof UploadDifference> {}

/** The facts of an object, as the store reports them. */
export interface ObjectFacts {
  /** In bytes. */
  readonly size: number;
  /** The `Content-Type` that is stored, character for character. */
  readonly contentType: string;
  /** As the store writes it. It identifies these bytes, and is not a checksum. */
  readonly etag: string;
  /** Checksums of all the bytes, in base64, as the store itself reports them. */
  readonly checksums: { readonly [Algorithm in ChecksumAlgorithm]?: string };
  /**
   * The algorithms whose checksum the store always reports for an upload that was sent with one;
   * such an upload is not confirmed while the store reports none. SHA-256 and CRC-32C if left out.
   */
  readonly reports?: ReadonlyArray<ChecksumAlgorithm>;
  /**
   * True if the store obeys unsigned headers, so that the same bytes can be sent again with others,
   * and a checksum alone does not make the object final. False if left out.
   */
  readonly isReplayable?: boolean;
  /** True if a PUT signed to write once can replace the object after all. False if left out. */
  readonly isReplaceable?: boolean;
  /**
   * Headers that came with the upload and are never granted, by their names in lower case: those
   * that a download repeats (`content-encoding`, `cache-control`, `content-disposition`), let
   * others read the object (`x-amz-acl`), expire it or lock it. An upload with any of them is not
   * confirmed, so leave out what the store adds by itself.
   */
  readonly extraHeaders: Readonly<Record<string, string>>;
  /** The one of `extraHeaders` that makes the bytes unreadable for hours, as in an archive. */
  readonly unreadableBy?: string;
  /** The version or generation, if the bucket keeps several; else undefined. */
  readonly version?: string | undefined;
  /** The metadata `valetkey-grant`: a grant signed with the upload, or any other text. */
  readonly announcement?: string | undefined;
  /** The metadata `valetkey-names`: what the service sealed when it copied, or any other text. */
  readonly names?: string | undefined;
  /** Milliseconds since the object was written, by the store's clock; unknown if left out. */
  readonly age?: number;
  /** The time at which it was written, by the same clock, in milliseconds since 1970. */
  readonly storedAt?: number;
}

/**
 * Returns a difference if the object's time is before its grant or after `now`: some stores let a
 * header of the upload set the time by which rules remove objects.
 */
export function timeDifference(
  { issuedAt }: Pick<Receipt, "issuedAt">,
  { age = 0, storedAt }: ObjectFacts,
  now: DateTime.Utc,
): ReadonlyArray<UploadDifference> {
  const written = DateTime.subtract(now, { milliseconds: age });
  const minimum = DateTime.subtractDuration(issuedAt, CLOCK_TOLERANCE);
  const maximum = DateTime.addDuration(now, CLOCK_TOLERANCE);
  if (DateTime.between(written, { minimum, maximum })) return [];
  const expected = `${DateTime.formatIso(issuedAt)} or later, not after ${DateTime.formatIso(now)}`;
  const actual = storedAt === undefined ? written : DateTime.makeUnsafe(storedAt);
  return [{ property: "last-modified", expected, actual: DateTime.formatIso(actual) }];
}

/** Stores refuse requests with a larger difference of clocks. */
const CLOCK_TOLERANCE = Duration.minutes(15);

export function compareWithReceipt(
  receipt: Pick<Receipt, "size" | "contentType" | "checksum" | "writeOnce">,
  facts: ObjectFacts,
): ReadonlyArray<UploadDifference> {
  const differences: Array<UploadDifference> = [];
  const compare = (property: string, expected: string | number, actual: string | number) => {
    if (expected !== actual) differences.push({ property, expected, actual });
  };
  compare("size", receipt.size, facts.size);
  compare("contentType", receipt.contentType, facts.contentType);
  if (receipt.checksum !== undefined) {
    const { algorithm, value } = receipt.checksum;
    // Some stores verify a checksum without keeping it, which is no difference.
    const missing = (facts.reports ?? REPORTED).includes(algorithm) ? "none" : value;
    compare("checksum", value, facts.checksums[algorithm] ?? missing);
  }
  for (const [name, value] of Object.entries(facts.extraHeaders)) {
    if (receipt.writeOnce && name === "cache-control" && SENT_BY_FETCH.has(value)) continue;
    differences.push({ property: name, expected: "", actual: value });
  }
  return differences;
}

const REPORTED: ReadonlyArray<ChecksumAlgorithm> = ["sha256", "crc32c"];

/**
 * The values that `fetch` adds by itself to `If-None-Match`: the Fetch standard, section
 * "HTTP-network-or-cache fetch", and Chromium.
 */
const SENT_BY_FETCH: ReadonlySet<string> = new Set(["no-cache", "max-age=0"]);
