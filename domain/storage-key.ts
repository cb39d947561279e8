import type * as Brand from "effect/Brand";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import { SecureRandom } from "effect/crypto/SecureRandom";
import { extensionIn, type FileName } from "./file-name.ts";
import { usualExtensions, type MediaType } from "./media-type.ts";
import { OrganizationId } from "./organization.ts";

/**
 * An object's name in its bucket: `orgs/{org_id}/files/{year}/{month}/{uuid}{ext}`, with the month
 * of signing in UTC and a UUID of version 4. Never accepted from a caller.
 */
export const StorageKey = Schema.String.check(
  Schema.makeFilter<string>((value) => KEY.test(value), {
    identifier: "Key",
    description: "The file's name in the bucket.",
    examples: ["orgs/org_1/files/2026/11/3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f.png"],
    // Not every dialect of regular expressions has named groups.
    toJsonSchema: () => ({ pattern: KEY.source.replaceAll(/\?<\w+>/g, "") }),
  }),
).pipe(Schema.brand("StorageKey"));
export type StorageKey = typeof StorageKey.Type;

export interface StorageKeyParts {
  readonly organization: OrganizationId;
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly uuid: string;
  /** With its dot. */
  readonly extension: string;
}

export const generate = (file: {
  readonly organization: OrganizationId;
  readonly fileName: FileName;
  readonly mediaType: MediaType;
}): Effect.Effect<StorageKey, never, SecureRandom> =>
  Effect.clockWith((clock) => {
    const now = new Date(clock.currentTimeMillisUnsafe());
    return Effect.map(
      SecureRandom.use((random) => random.uuidV4()),
      (uuid) =>
        format({
          organization: file.organization,
          year: now.getUTCFullYear(),
          month: now.getUTCMonth() + 1,
          uuid,
          extension: extensionFor(file.fileName, file.mediaType),
        }),
    );
  });

/** Parses a key; none if `generate` could not have made it. */
export function parse(key: string): Option.Option<StorageKeyParts> {
  const match = KEY.exec(key)?.groups;
  if (match === undefined) return Option.none();
  const { organization = "", year = "", month = "", uuid = "", extension = "" } = match;
  return Option.some({
    organization: OrganizationId.make(organization),
    year: Number(year),
    month: Number(month),
    uuid,
    extension,
  });
}

/** The inverse of `pathWithin`; not a key if `path` is any other text. */
export const keyIn = (organization: OrganizationId, path: string): string =>
  `${prefixFor(organization)}${path}`;

export const format = (parts: StorageKeyParts): StorageKey =>
  `${prefixFor(parts.organization)}${pathWithin(parts)}` as StorageKey;

/** The part of a key after the organization: `{year}/{month}/{uuid}{ext}`. */
export function pathWithin({
  year,
  month,
  uuid,
  extension,
}: Omit<StorageKeyParts, "organization">) {
  return `${String(year).padStart(4, "0")}/${String(month).padStart(2, "0")}/${uuid}${extension}`;
}

export const KEY_PREFIX = "orgs/";

/** Where uploads wait that nobody may read yet. */
export const INCOMING_PREFIX = "incoming/";

/** The name of an upload in its bucket until it is moved to the key of its file. */
export type IncomingKey = string & Brand.Brand<"IncomingKey">;
export type ObjectKey = StorageKey | IncomingKey;

export const incomingKey = (key: StorageKey) => `${INCOMING_PREFIX}${key}` as IncomingKey;

/** Where an empty object keeps a removed file from being made of its upload again. */
export const REMOVED_PREFIX = `${INCOMING_PREFIX}removed/`;
export const removedKey = (key: StorageKey) => `${REMOVED_PREFIX}${key}` as IncomingKey;

/** It is of an upload, or of a file that was removed. */
export const isIncomingKey = (key: string): key is IncomingKey =>
  key.startsWith(INCOMING_PREFIX) &&
  Option.isSome(parse(key.slice(INCOMING_PREFIX.length).replace(/^removed\//, "")));

/** Where the upload of a grant goes. */
export const uploadKey = (grant: {
  readonly key: StorageKey;
  readonly incoming?: boolean | undefined;
}): ObjectKey => (grant.incoming === true ? incomingKey(grant.key) : grant.key);

export const prefixFor = (organization: OrganizationId) => `${KEY_PREFIX}${organization}/files/`;

/**
 * The name's own extension if the media-type table lists it for the type, or knows none for that
 * type; else the type's usual one; else `.bin`.
 */
export function extensionFor(fileName: FileName, mediaType: MediaType): string {
  const own = extensionIn(fileName);
  const usual = usualExtensions(mediaType);
  const fits = own !== undefined && (usual.length === 0 || usual.includes(own));
  return `.${fits ? own : (usual[0] ?? "bin")}`;
}

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
const EXTENSION = "\\.[0-9a-z][0-9a-z_-]{0,31}";

export const SEGMENTS = {
  year: "[0-9]{4}",
  month: "(?:0[1-9]|1[0-2])",
  name: `${UUID}${EXTENSION}`,
} as const;

const KEY = new RegExp(
  `^orgs/(?<organization>[A-Za-z0-9][A-Za-z0-9_-]{0,63})/files/(?<year>${SEGMENTS.year})/(?<month>${SEGMENTS.month})/(?<uuid>${UUID})(?<extension>${EXTENSION})$`,
);
