import type * as Brand from "effect/Brand";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schema from "effect/Schema";
import * as SchemaGetter from "effect/SchemaGetter";
import { Digest, layerWebCrypto, sha256 } from "effect/crypto/Digest";
import { SecureRandom } from "effect/crypto/SecureRandom";
import { extensionIn, type FileName } from "./file-name.ts";
import {
  isExecutable,
  type MediaType,
  mediaTypeByExtension,
  usualExtensions,
} from "./media-type.ts";
import { OrganizationId } from "./organization.ts";

/**
 * An object's name in its bucket, by the `key` of a policy that may since have been removed:
 * `orgs/{organization}/`, folders, and `{id}{extension}` with a UUID of version 4. Never accepted
 * from a caller.
 */
export const StorageKey = Schema.String.check(
  Schema.makeFilter<string>((value) => KEY.test(value), {
    identifier: "Key",
    description: "The file's name in the bucket.",
    examples: ["orgs/org_1/files/2026/11/3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f.png"],
    // Some dialects of regular expressions have no named groups.
    toJsonSchema: () => ({ pattern: KEY.source.replaceAll(/\?<\w+>/g, "") }),
  }),
).pipe(Schema.brand("StorageKey"));
export type StorageKey = typeof StorageKey.Type;

export interface StorageKeyParts {
  readonly key: StorageKey;
  readonly organization: OrganizationId;
  /** The end of the month of its signing in milliseconds, if the key contains it. */
  readonly monthEnd?: number;
  readonly uuid: string;
  /** With its dot. */
  readonly extension: string;
}

interface KeyFacts {
  readonly organization: OrganizationId;
  readonly caller: Caller;
  readonly template: KeyTemplate;
  readonly filename: FileName;
  readonly contentType: MediaType;
}

export const generate = (facts: KeyFacts): Effect.Effect<StorageKey, never, SecureRandom> =>
  facts.template[0] === SUBJECT || facts.template[1] === SUBJECT
    ? Effect.flatMap(subjectFolder(facts.caller), (folder) => generateIn(facts, folder))
    : generateIn(facts);

/** Without a generator, which makes 30 calls more, of 1,120 of a presign. */
const generateIn = (
  facts: KeyFacts,
  subject = "",
): Effect.Effect<StorageKey, never, SecureRandom> =>
  Effect.clockWith((clock) => {
    const at = new Date(clock.currentTimeMillisUnsafe());
    return Effect.map(
      SecureRandom.use((random) => random.uuidV4()),
      (uuid) => keyFrom(facts, { uuid, at, subject }),
    );
  });

/** Returns the key of a file whose id and date are known: the same each time. */
export const keyOf = (
  facts: KeyFacts,
  named: { readonly uuid: string; readonly at: Date },
): Effect.Effect<StorageKey> =>
  Effect.map(
    facts.template.includes(SUBJECT) ? subjectFolder(facts.caller) : Effect.succeed(""),
    (subject) => keyFrom(facts, { ...named, subject }),
  );

function keyFrom(
  { organization, template, filename, contentType }: KeyFacts,
  { uuid, at, subject }: { readonly uuid: string; readonly at: Date; readonly subject: string },
): StorageKey {
  let key = prefixFor(organization);
  for (const folder of template) key += `${folder === SUBJECT ? subject : folderOn(folder, at)}/`;
  return `${key}${uuid}${extensionFor(filename, contentType)}` as StorageKey;
}

interface Caller {
  readonly kind: "user" | "service";
  readonly subject: string;
}

/**
 * Returns the folder of a caller: `u-` for a person or `s-` for a service, and 32 hexadecimal
 * digits of the subject's SHA-256, so that keys show no address, and no subject can spell another's
 * folder.
 */
export const subjectFolder = ({ kind, subject }: Caller): Effect.Effect<string> =>
  Effect.map(digestOf(subject), (hex) => `${kind.charAt(0)}-${hex.slice(0, 32)}`);

/** Returns a UUID, spelled as one of version 4, that is the same for the same text. */
export const uuidFor = (text: string): Effect.Effect<string> =>
  Effect.map(digestOf(text), (hex) =>
    hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, "$1-$2-4$3-a$4-$5"),
  );

const digestOf = (text: string): Effect.Effect<string> =>
  Digest.use((digest) => digest.digestHex(sha256, utf8(text))).pipe(Effect.provide(layerWebCrypto));

/** Returns true for a key in a caller's folder, which is the first or follows that of public files. */
export const isInFolder = (key: StorageKey, folder: string): boolean =>
  afterOrganization(key)
    .replace(/^public\//, "")
    .startsWith(`${folder}/`);

/** Returns the folder of a caller that a key is in, if any. */
export const personalFolder = (key: StorageKey): string | undefined =>
  /^(?:public\/)?([us]-[0-9a-f]{32})\//.exec(afterOrganization(key))?.[1];

export const organizationOf = (key: StorageKey) => key.split("/")[1] as OrganizationId;

const utf8 = (text: string) =>
  Uint8Array.from(encodeURIComponent(text).match(/%..|./g) ?? [], (each) =>
    each.length === 1 ? each.charCodeAt(0) : Number.parseInt(each.slice(1), 16),
  );

/** Returns the folders before `{subject}`, empty if it is the first; undefined without it. */
export const beforeSubject = (template: KeyTemplate): string | undefined => {
  const at = template.indexOf(SUBJECT);
  return at < 0 ? undefined : template.slice(0, at).join("/");
};

/** Parses a key; none if `generate` could not have made it. */
export function parse(key: string): Option.Option<StorageKeyParts> {
  const match = KEY.exec(key)?.groups;
  if (match === undefined) return Option.none();
  const { organization = "", year, month, uuid = "", extension = "" } = match;
  return Option.some({
    key: key as StorageKey,
    organization: OrganizationId.make(organization),
    ...(year !== undefined && { monthEnd: Date.UTC(Number(year), Number(month), 1) }),
    uuid,
    extension,
  });
}

/** Returns a predicate of templates by which `generate` could have made a key. */
export function templatesOf(key: StorageKey): (template: KeyTemplate) => boolean {
  const folders = afterOrganization(key).split("/").slice(0, -1);
  return (template) =>
    folders.length === template.length &&
    folders.every((folder, at) => {
      const each = template[at] ?? "";
      return FORMS.get(each)?.test(folder) ?? folder === each;
    });
}

/** Inverts `pathWithin`; the result is no key if `path` is any other text. */
export const keyIn = (organization: OrganizationId, path: string): string =>
  `${prefixFor(organization)}${/^(?:[0-9]|files\/)/.test(path) ? "files/" : ""}${path}`;

/** Returns the path of a file in its address: its key after the organization, without `files/`. */
export const pathWithin = (key: StorageKey): string =>
  afterOrganization(key).replace(/^files\//, "");

/** Returns a key after its organization, from which lists continue. */
export const afterOrganization = (key: string): string => key.replace(/^orgs\/[^/]+\//, "");

function folderOn(folder: string, now: Date): string {
  if (folder === "{year}") return String(now.getUTCFullYear()).padStart(4, "0");
  if (folder === "{month}") return String(now.getUTCMonth() + 1).padStart(2, "0");
  if (folder === "{day}") return String(now.getUTCDate()).padStart(2, "0");
  return folder;
}

export const KEY_PREFIX = "orgs/";

/** The first folder of public files, and of no others: a file is public exactly if its key says so. */
const PUBLIC_FOLDER = "public";

export const isPublicKey = (key: ObjectKey): boolean =>
  afterOrganization(key).startsWith(`${PUBLIC_FOLDER}/`);

/** Returns the folders of a caller, for private and for public files. */
export const withPublicFolder = (folder: string) => [folder, `${PUBLIC_FOLDER}/${folder}`];

/**
 * Returns true if any folder of a template is called as that of public files: in rules of buckets and
 * CDNs, such as `orgs/<any>/public/<any>`, `<any>` also matches slashes.
 */
export const hasPublicFolder = (template: KeyTemplate): boolean => template.includes(PUBLIC_FOLDER);

export const isPublicTemplate = ([first]: KeyTemplate): boolean => first === PUBLIC_FOLDER;

/** Returns the name of a public file by the end of its address; no key for any other text. */
export const publicKeyIn = (organization: string, path: string): string =>
  `${KEY_PREFIX}${organization}/${PUBLIC_FOLDER}/${path}`;

/** Inverts `publicKeyIn`: returns the organization's id, and the path below its public folder. */
export const publicPath = (key: StorageKey): string =>
  key.slice(KEY_PREFIX.length).replace(`/${PUBLIC_FOLDER}/`, "/");

/** Where uploads wait unreadable. */
export const INCOMING_PREFIX = "incoming/";

/** The name of an upload in its bucket until it is moved to the key of its file. */
export type IncomingKey = string & Brand.Brand<"IncomingKey">;
export type ObjectKey = StorageKey | IncomingKey;

export const incomingKey = (key: StorageKey) => `${INCOMING_PREFIX}${key}` as IncomingKey;

/** Where an empty object prevents that a removed file is made again. */
export const REMOVED_PREFIX = `${INCOMING_PREFIX}removed/`;
export const removedKey = (key: StorageKey) => `${REMOVED_PREFIX}${key}` as IncomingKey;

/**
 * Returns true for the key of a waiting upload, of the mark of a removed file, and of what came with
 * temporary credentials. The latter not with `.` or `..`, since URLs fold those into other keys.
 */
export const isIncomingKey = (key: string): key is IncomingKey =>
  key.startsWith(INCOMING_PREFIX) &&
  ((OF_CREDENTIALS.test(key) && !isFolded(key)) ||
    Option.isSome(parse(key.slice(INCOMING_PREFIX.length).replace(/^removed\//, ""))));

/** Returns true for a name that URLs fold into another one: WHATWG URL, section 4.4. */
export const isFolded = (key: string): boolean => /(?:^|\/)\.{1,2}(?:\/|$)/.test(key);

/** Returns the key that the upload of a grant goes to. */
export const uploadKey = (grant: {
  readonly key: StorageKey;
  readonly incoming?: boolean | undefined;
  readonly from?: IncomingKey | undefined;
}): ObjectKey => grant.from ?? (grant.incoming === true ? incomingKey(grant.key) : grant.key);

/** Returns the prefix of the keys of an organization, or of a folder in it. */
export const prefixFor = (organization: OrganizationId, folder?: string) =>
  `${KEY_PREFIX}${organization}/${folder === undefined ? "" : `${folder}/`}`;

/**
 * Returns the name's extension if the media-type table lists it for the type, or has none for that
 * type; else the type's usual one; else `.bin`. A type that browsers execute never gets an extension
 * that hides that, but `.xml`: addresses know only the extension, and a CDN serves the stored type.
 */
export function extensionFor(filename: FileName, contentType: MediaType): string {
  const extension = extensionIn(filename);
  const usual = usualExtensions(contentType);
  const fits = extension !== undefined && (usual.length === 0 || usual.includes(extension));
  const chosen = fits ? extension : (usual[0] ?? "bin");
  const hides = isExecutable(contentType) && !isExecutable(mediaTypeByExtension(chosen));
  return hides ? ".xml" : `.${chosen}`;
}

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
const EXTENSION = "\\.[0-9a-z][0-9a-z_-]{0,31}";

const NAME = "[a-z][a-z0-9_-]{0,63}";
const YEAR = "[0-9]{4}";
const MONTH = "(?:0[1-9]|1[0-2])";
/** Matches a day or a month. */
const DATE = `${YEAR}|(?:0[1-9]|[12][0-9]|3[01])`;
const foldersWith = (first: string, date: string, further = 7) =>
  `(?!files/)${first}(?:/(?:${NAME}|${date})){0,${further}}`;
const FOLDERS = foldersWith(NAME, DATE);

/** Patterns of segments of addresses. */
export const SEGMENTS = { folder: `(?:${NAME}|${DATE})`, name: `${UUID}${EXTENSION}` } as const;

/** Matches the folders of files, or the first of them, in addresses. */
export const FOLDER = new RegExp(`^(?:${YEAR}(?:/${MONTH})?|${FOLDERS})$`);

const KEY = new RegExp(
  `^orgs/(?<organization>[A-Za-z0-9][A-Za-z0-9_-]{0,63})/(?:files/(?<year>${YEAR})/(?<month>${MONTH})|${FOLDERS})/(?<uuid>${UUID})(?<extension>${EXTENSION})$`,
);

const OF_CREDENTIALS = new RegExp(
  `^${INCOMING_PREFIX}(?:completing/[^/]+/${UUID}$|credentials/[^/]+/${UUID}/)`,
);

const TEMPLATE_DATE = "\\{(?:year|month|day)\\}";
const TEMPLATE_FOLDERS = [
  "files/\\{year\\}/\\{month\\}",
  foldersWith(`(?:${NAME}|\\{subject\\})`, TEMPLATE_DATE),
  foldersWith(`${PUBLIC_FOLDER}/\\{subject\\}`, TEMPLATE_DATE, 6),
];
const TEMPLATE = new RegExp(
  `^orgs/\\{organization\\}/(?:${TEMPLATE_FOLDERS.join("|")})/\\{id\\}\\{extension\\}$`,
);

const SUBJECT = "{subject}";

/** The folders that variables of a template become. */
const FORMS: ReadonlyMap<string, RegExp> = new Map([
  [SUBJECT, /^[us]-[0-9a-f]{32}$/],
  ["{year}", /^[0-9]{4}$/],
  ["{month}", /^(?:0[1-9]|1[0-2])$/],
  ["{day}", /^(?:0[1-9]|[12][0-9]|3[01])$/],
]);

export const DEFAULT_TEMPLATE = "orgs/{organization}/files/{year}/{month}/{id}{extension}";
export const PUBLIC_TEMPLATE = `orgs/{organization}/${PUBLIC_FOLDER}/{year}/{month}/{id}{extension}`;

/**
 * The folders of a policy's keys, where `{year}`, `{month}` and `{day}` stand for the date of
 * signing in UTC. The first is a name or `{subject}`, the caller's folder, so that all files of a
 * caller have one prefix; behind `public` it may be the second. Only the default policy has `files`,
 * so that each key has one address.
 */
export const KeyTemplate = Schema.String.check(Schema.isPattern(TEMPLATE)).pipe(
  Schema.decodeTo(Schema.Array(Schema.String).pipe(Schema.brand("KeyTemplate")), {
    decode: SchemaGetter.transform((text) => text.split("/").slice(2, -1)),
    encode: SchemaGetter.transform((folders) =>
      ["orgs/{organization}", ...folders, "{id}{extension}"].join("/"),
    ),
  }),
);
export type KeyTemplate = typeof KeyTemplate.Type;
