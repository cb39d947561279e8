import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import * as Schema from "effect/Schema";
import { ByteSize } from "./byte-size.ts";
import { Checksum } from "./checksum.ts";
import { FileName } from "./file-name.ts";
import { MediaType } from "./media-type.ts";
import { OrganizationId } from "./organization.ts";
import { StorageKey } from "./storage-key.ts";

/**
 * The memory of a grant: what was promised to whom, so that it can be held against what arrived.
 * Nobody keeps it but the client, to whom it is given sealed.
 */
export const Receipt = Schema.Struct({
  key: StorageKey,
  fileName: FileName,
  mediaType: MediaType,
  size: ByteSize,
  checksum: Schema.optionalKey(Checksum),
  policy: Schema.String,
  subject: Schema.String,
  organization: OrganizationId,
  /** Whether the store was made to accept one PUT only. */
  writeOnce: Schema.Boolean,
  /** Whether the object is marked as one that nobody has confirmed. */
  pending: Schema.Boolean,
  issuedAt: Schema.DateTimeUtcFromMillis,
  /** When the PUT stops working. */
  putExpiresAt: Schema.DateTimeUtcFromMillis,
  /** The last moment at which the upload can be confirmed. */
  confirmUntil: Schema.DateTimeUtcFromMillis,
}).pipe(
  // A receipt travels in each request, so its members are short there.
  Schema.encodeKeys({
    key: "k",
    fileName: "n",
    mediaType: "t",
    size: "s",
    checksum: "c",
    policy: "p",
    subject: "u",
    organization: "o",
    writeOnce: "w",
    pending: "g",
    issuedAt: "i",
    putExpiresAt: "x",
    confirmUntil: "l",
  }),
);
export type Receipt = typeof Receipt.Type;

/**
 * The receipt as `Receipt` decodes it. By hand, since encoding by a schema costs as much as
 * signing does, with each upload that is granted.
 */
export const toJson = (receipt: Receipt): string =>
  JSON.stringify({
    k: receipt.key,
    n: receipt.fileName,
    t: receipt.mediaType,
    s: receipt.size,
    c: receipt.checksum,
    p: receipt.policy,
    u: receipt.subject,
    o: receipt.organization,
    w: receipt.writeOnce,
    g: receipt.pending,
    i: receipt.issuedAt.epochMilliseconds,
    x: receipt.putExpiresAt.epochMilliseconds,
    l: receipt.confirmUntil.epochMilliseconds,
  });

/** How long after its end an upload can be confirmed. */
export const CONFIRM_GRACE = Duration.days(1);

/**
 * How long an upload that began in time may go on: stores look at the clock when it begins, and
 * the clock of another machine is never quite ours.
 */
const IN_FLIGHT = Duration.hours(1);

/** Until when the PUT of a receipt can change its object. */
export const mutableUntil = ({ putExpiresAt }: Receipt): DateTime.Utc =>
  DateTime.addDuration(putExpiresAt, IN_FLIGHT);

/**
 * Whether the object that a receipt is for cannot be changed by its PUT any more, at `now`. Of
 * checksums only SHA-256 counts, since other bytes with the same MD5 or CRC-32C can be made; and
 * only where `isHeld`: it was held against what the store reports, and nothing but the bytes could
 * be changed.
 */
export const isFinal = (
  receipt: Receipt,
  { now, isHeld }: { readonly now: DateTime.Utc; readonly isHeld: boolean },
): boolean =>
  receipt.writeOnce ||
  (isHeld && receipt.checksum?.algorithm === "sha256") ||
  DateTime.isGreaterThanOrEqualTo(now, mutableUntil(receipt));
