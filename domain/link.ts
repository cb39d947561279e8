import * as DateTime from "effect/DateTime";
import * as Schema from "effect/Schema";
import { FileName } from "./file-name.ts";
import { wholeSeconds } from "./lifetime.ts";
import { MediaType } from "./media-type.ts";
import { StoreName } from "./place.ts";
import { StorageKey } from "./storage-key.ts";

/** The right of a link's holder to open one file. */
export const Link = Schema.Struct({
  key: StorageKey,
  filename: FileName,
  contentType: MediaType,
  version: Schema.optionalKey(Schema.String),
  policy: Schema.String,
  /** The store of the version, or in which a claim placed the file: its holder has no claim. */
  store: Schema.optionalKey(StoreName),
  issuedAt: Schema.DateTimeUtcFromMillis,
  expiresAt: Schema.DateTimeUtcFromMillis,
}).pipe(
  Schema.encodeKeys({
    key: "k",
    filename: "n",
    contentType: "t",
    version: "v",
    policy: "p",
    store: "b",
    issuedAt: "i",
    expiresAt: "x",
  }),
);
export type Link = typeof Link.Type;

/** In seconds: 10 years. */
export const LONGEST_LINK = 3653 * 24 * 60 * 60;

export const LinkLifetime = wholeSeconds(
  LONGEST_LINK,
  "link lifetime: it is not between 1 second and 10 years",
).pipe(Schema.brand("LinkLifetime"));
export type LinkLifetime = typeof LinkLifetime.Type;

/**
 * Returns the end of a link, which is earlier than written in it if its policy allows less by now;
 * undefined if the policy no longer allows links.
 */
export const linkEnd = (
  { issuedAt, expiresAt }: Link,
  linkLifetime: LinkLifetime | undefined,
): DateTime.Utc | undefined =>
  linkLifetime && DateTime.min(expiresAt, DateTime.addDuration(issuedAt, linkLifetime));
