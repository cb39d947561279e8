import * as DateTime from "effect/DateTime";
import * as Schema from "effect/Schema";
import { FileName } from "./file-name.ts";
import { wholeSeconds } from "./lifetime.ts";
import { MediaType } from "./media-type.ts";
import { StorageKey } from "./storage-key.ts";

/**
 * The right to open one file, for whoever holds the link; it can be pasted into a chat. It carries
 * the name that a person gave the file, and says nothing about the store.
 */
export const Link = Schema.Struct({
  key: StorageKey,
  fileName: FileName,
  mediaType: MediaType,
  /** The version or generation that the link opens, if there are several. */
  version: Schema.optionalKey(Schema.String),
  /** The policy that the file was uploaded under; it limits the link. */
  policy: Schema.String,
  issuedAt: Schema.DateTimeUtcFromMillis,
  expiresAt: Schema.DateTimeUtcFromMillis,
}).pipe(
  Schema.encodeKeys({
    key: "k",
    fileName: "n",
    mediaType: "t",
    version: "v",
    policy: "p",
    issuedAt: "i",
    expiresAt: "x",
  }),
);
export type Link = typeof Link.Type;

/** The longest lifetime of a link, in seconds: 10 years. */
export const LONGEST_LINK = 3653 * 24 * 60 * 60;

/** The lifetime of a link: from 1 second to 10 years, in whole seconds. */
export const LinkLifetime = wholeSeconds(
  LONGEST_LINK,
  "link lifetime: it is not between 1 second and 10 years",
).pipe(Schema.brand("LinkLifetime"));
export type LinkLifetime = typeof LinkLifetime.Type;

/**
 * When a link stops working: when it expires, or earlier if its policy now allows a shorter
 * lifetime. Undefined if the policy no longer allows links.
 */
export const endOf = (
  { issuedAt, expiresAt }: Link,
  linkLifetime: LinkLifetime | undefined,
): DateTime.Utc | undefined =>
  linkLifetime && DateTime.min(expiresAt, DateTime.addDuration(issuedAt, linkLifetime));
