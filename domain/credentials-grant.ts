import * as Schema from "effect/Schema";
import { OrganizationId } from "./organization.ts";
import { StoreName } from "./place.ts";
import { INCOMING_PREFIX, type IncomingKey } from "./storage-key.ts";

/**
 * A grant of temporary credentials: an upload of many files below one prefix. Its holder has it
 * sealed, and completes it file by file.
 */
export const CredentialsGrant = Schema.Struct({
  /** A UUID of version 4, from which the prefix and the keys of its files are made. */
  id: Schema.String,
  policy: Schema.String,
  subject: Schema.String,
  organization: OrganizationId,
  /** The store in which it began; left out for the default one. */
  store: Schema.optionalKey(StoreName),
  /** The most bytes that become files, together. */
  maxBytes: Schema.Int.check(Schema.isGreaterThan(0)),
  issuedAt: Schema.DateTimeUtcFromMillis,
  /** The end of the credentials. */
  expiresAt: Schema.DateTimeUtcFromMillis,
  completeUntil: Schema.DateTimeUtcFromMillis,
}).pipe(
  Schema.encodeKeys({
    id: "g",
    policy: "p",
    subject: "u",
    organization: "o",
    store: "h",
    maxBytes: "m",
    issuedAt: "i",
    expiresAt: "x",
    completeUntil: "l",
  }),
);
export type CredentialsGrant = typeof CredentialsGrant.Type;

/** Where what tools upload with temporary credentials waits. */
export const CREDENTIALS_PREFIX = `${INCOMING_PREFIX}credentials/`;

/** Returns the prefix that credentials reach, with its last slash. */
export const credentialsPrefix = ({
  organization,
  id,
}: Pick<CredentialsGrant, "organization" | "id">): string =>
  `${CREDENTIALS_PREFIX}${organization}/${id}/`;

/**
 * Returns the key of an empty object that says since when a grant is being completed: what is stored
 * later becomes no file. No credentials reach it.
 */
export const completingKey = ({
  organization,
  id,
}: Pick<CredentialsGrant, "organization" | "id">): IncomingKey =>
  `${INCOMING_PREFIX}completing/${organization}/${id}` as IncomingKey;
