import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Schema from "effect/Schema";
import { ByteSize } from "./byte-size.ts";
import { Checksum } from "./checksum.ts";
import { FileName } from "./file-name.ts";
import { FilePath } from "./file-path.ts";
import { MediaType } from "./media-type.ts";
import { Metadata } from "./metadata.ts";
import { OrganizationId, OrganizationSlug } from "./organization.ts";
import { StoreName } from "./place.ts";
import { type IncomingKey, StorageKey, type StorageKeyParts } from "./storage-key.ts";

/** The members of everything that a client holds sealed for a granted upload. */
export const sealedFields = {
  key: StorageKey,
  filename: FileName,
  path: Schema.optional(FilePath),
  contentType: MediaType,
  size: ByteSize,
  checksum: Schema.optional(Checksum),
  metadata: Schema.optional(Metadata),
  policy: Schema.String,
  subject: Schema.String,
  organization: OrganizationId,
  /** True if the upload waits below `incoming/`, and the key has no file yet. */
  incoming: Schema.optionalKey(Schema.Boolean),
  /** The store in which the upload began; left out for the default one. */
  store: Schema.optionalKey(StoreName),
  issuedAt: Schema.DateTimeUtcFromMillis,
};
/** Short, since they travel in requests. */
export const sealedNames = {
  key: "k",
  filename: "n",
  path: "r",
  contentType: "t",
  size: "s",
  checksum: "c",
  metadata: "e",
  policy: "p",
  subject: "u",
  organization: "o",
  incoming: "a",
  store: "h",
  issuedAt: "i",
} as const;

/** A grant, to be compared with the object that arrived. The client holds it sealed. */
export const Receipt = Schema.Struct({
  ...sealedFields,
  /** True if the store accepts one PUT only. */
  writeOnce: Schema.Boolean,
  putExpiresAt: Schema.DateTimeUtcFromMillis,
  confirmUntil: Schema.DateTimeUtcFromMillis,
  /** The organization's name in addresses, for confirms without a request. */
  slug: Schema.optionalKey(OrganizationSlug),
}).pipe(
  Schema.encodeKeys({
    ...sealedNames,
    writeOnce: "w",
    putExpiresAt: "x",
    confirmUntil: "l",
    slug: "q",
  }),
);
export type Receipt = typeof Receipt.Type & {
  /** The object that becomes the file, if it waits under another name. Never sealed. */
  readonly from?: IncomingKey;
};

/** The time after the end of its PUT in which an upload can be confirmed. */
export const CONFIRM_GRACE = Duration.days(1);

/**
 * The longest life of a receipt, in milliseconds: a PUT's longest lifetime, the time to confirm, and
 * an hour.
 */
export const LONGEST_RECEIPT = Duration.toMillis(
  Duration.sum(CONFIRM_GRACE, Duration.hours(7 * 24 + 1)),
);

/** Returns true if a receipt of a key, which may have the month of its grant, may be valid. */
export const mayBeConfirmed = (
  { monthEnd = Infinity }: StorageKeyParts,
  now: DateTime.Utc,
): boolean => now.epochMilliseconds < monthEnd + LONGEST_RECEIPT;

/**
 * The longest time that an upload begun in time may still run: stores check the time only at its
 * start, and clocks differ between machines.
 */
const IN_FLIGHT = Duration.hours(1);

export const mutableUntil = ({ putExpiresAt }: Receipt): DateTime.Utc =>
  DateTime.addDuration(putExpiresAt, IN_FLIGHT);

/**
 * Returns true if the PUT of a receipt can no longer change its object. Of the checksums only
 * SHA-256 counts, since other bytes with the same MD5 or CRC-32C can be made, and only if `isHeld`:
 * it was compared with the store's, and only the bytes could be changed.
 */
export const isFinal = (
  receipt: Receipt,
  { now, isHeld }: { readonly now: DateTime.Utc; readonly isHeld: boolean },
): boolean =>
  receipt.writeOnce ||
  (isHeld && receipt.checksum?.algorithm === "sha256") ||
  DateTime.isGreaterThanOrEqualTo(now, mutableUntil(receipt));
