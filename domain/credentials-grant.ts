import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { OrganizationId } from "./organization.ts";
import { StoreName } from "./place.ts";
import { CallerKind } from "./upload-policy.ts";
import { FileName } from "./file-name.ts";
import { MediaType } from "./media-type.ts";
import {
  INCOMING_PREFIX,
  type IncomingKey,
  keyOf,
  KeyTemplate,
  type StorageKey,
  uuidFor,
} from "./storage-key.ts";

/**
 * A grant of temporary credentials: an upload of many files below one prefix. Its holder has it
 * sealed, and completes it file by file.
 */
export const CredentialsGrant = Schema.Struct({
  /** A UUID of version 4, from which the prefix and the keys of its files are made. */
  id: Schema.String,
  policy: Schema.String,
  subject: Schema.String,
  kind: CallerKind,
  organization: OrganizationId,
  /** The store in which it began; left out for the default one. */
  store: Schema.optionalKey(StoreName),
  /** Of the policy as it was: another one would make second files. */
  template: KeyTemplate,
  /** The most bytes that become files, together. */
  maxBytes: Schema.Int.check(Schema.isGreaterThan(0)),
  issuedAt: Schema.DateTimeUtcFromMillis,
  /** The end of the credentials. */
  expiresAt: Schema.DateTimeUtcFromMillis,
  completeUntil: Schema.DateTimeUtcFromMillis,
  /** Where completing goes on in the list of objects; left out at its beginning. */
  after: Schema.optionalKey(Schema.String),
  /** The last object after that which was answered. */
  last: Schema.optionalKey(Schema.String),
  /** The bytes of files before that. */
  bytes: Schema.optionalKey(Schema.Int),
  /** True once every object was answered: what is below the prefix is removed. */
  isEnding: Schema.optionalKey(Schema.Boolean),
}).pipe(
  Schema.encodeKeys({
    id: "g",
    policy: "p",
    subject: "u",
    kind: "c",
    organization: "o",
    store: "h",
    template: "t",
    maxBytes: "m",
    issuedAt: "i",
    expiresAt: "x",
    completeUntil: "l",
    after: "a",
    last: "n",
    bytes: "b",
    isEnding: "e",
  }),
);
export type CredentialsGrant = typeof CredentialsGrant.Type;

/** The bounds of the life of credentials: those of AssumeRole, AWS STS API Reference. */
export const SHORTEST_CREDENTIALS = Duration.minutes(15);
export const LONGEST_CREDENTIALS = Duration.hours(12);

/** Where what tools upload with temporary credentials waits. */
export const CREDENTIALS_PREFIX = `${INCOMING_PREFIX}credentials/`;

/** Returns the prefixes of all that an organization has of credentials. */
export const prefixesOfCredentials = (organization: OrganizationId): ReadonlyArray<string> => [
  `${CREDENTIALS_PREFIX}${organization}/`,
  `${COMPLETING_PREFIX}${organization}/`,
];

const COMPLETING_PREFIX = `${INCOMING_PREFIX}completing/`;

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
  `${COMPLETING_PREFIX}${organization}/${id}` as IncomingKey;

/** Returns the key of an empty object that says that all objects of a grant were answered. */
export const completedKey = (grant: Pick<CredentialsGrant, "organization" | "id">): IncomingKey =>
  // No name below the other, which MinIO would not list.
  `${completingKey(grant)}.completed` as IncomingKey;

type Granted = Pick<
  CredentialsGrant,
  "id" | "organization" | "subject" | "kind" | "template" | "issuedAt"
>;

/** Returns the key of a file by its name below the prefix: the same however often it is asked. */
export const fileKey = (
  grant: Granted,
  file: {
    readonly name: string;
    readonly filename: FileName;
    readonly contentType: MediaType;
  },
): Effect.Effect<StorageKey> =>
  Effect.flatMap(uuidFor(`${grant.id}/${file.name}`), (uuid) => keyWith(grant, file, uuid));

/** Returns the key by which the bytes of a grant are counted; there is never a file of it. */
export const reservedKey = (grant: Granted): Effect.Effect<StorageKey> =>
  keyWith(grant, NO_FILE, grant.id);

const keyWith = (
  { organization, subject, kind, template, issuedAt }: Granted,
  file: Pick<Parameters<typeof keyOf>[0], "filename" | "contentType">,
  uuid: string,
) =>
  keyOf(
    { organization, caller: { kind, subject }, template, ...file },
    { uuid, at: new Date(issuedAt.epochMilliseconds) },
  );

const NO_FILE = {
  filename: FileName.make("credentials"),
  contentType: MediaType.make("application/octet-stream"),
};
