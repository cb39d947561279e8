import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import * as SchemaGetter from "effect/SchemaGetter";
import * as SchemaIssue from "effect/SchemaIssue";
import { type ByteSize, SizeText, type WrittenSize } from "./byte-size.ts";
import type { Checksum } from "./checksum.ts";
import { ChecksumRequired, FileTooLarge, MediaTypeNotAllowed, PolicyNotAllowed } from "./errors.ts";
import type { FileName } from "./file-name.ts";
import type { FilePath } from "./file-path.ts";
import { Lifetime, lifetimeText, type WrittenLifetime } from "./lifetime.ts";
import { LinkLifetime } from "./link.ts";
import {
  essence,
  isExecutable,
  usualExtensions,
  type MediaType,
  mediaTypeByExtension,
  TYPES_WITH_EXTENSION,
} from "./media-type.ts";
import type { Metadata } from "./metadata.ts";
import { OrganizationSlug } from "./organization.ts";
import { PictureWidths } from "./picture.ts";
import { DEFAULT_TEMPLATE, extensionFor, KeyTemplate } from "./storage-key.ts";

export const AllowedType = Schema.String.check(
  Schema.isPattern(/^[a-z0-9][a-z0-9!#$&^_.+-]*\/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]*)$/),
).pipe(Schema.brand("AllowedType"));
export type AllowedType = typeof AllowedType.Type;

/** The name of a policy: a label of RFC 1123, section 2.1, in lower case. */
export const POLICY_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
export const PolicyName = Schema.String.check(Schema.isPattern(POLICY_NAME));

/** The policy of an upload that names none. */
export const DEFAULT_POLICY = "files";

/** The kind of caller: a person in a browser, or a backend service. */
export const CallerKind = Schema.Literals(["user", "service"]);
export type CallerKind = typeof CallerKind.Type;

/** Rules on uploads, as a person writes them: by whom, of what, and for how long. */
export interface WrittenPolicy {
  /** The callers who may use it: `"user"`, `"service"` or both; both if left out. */
  readonly callers?: ReadonlyArray<"user" | "service"> | undefined;
  /** The names of the organizations that have it; for others it does not exist. All if left out. */
  readonly organizations?: ReadonlyArray<string> | undefined;
  /** The largest file, at most what the store takes, in parts if need be; 10 MiB if left out. */
  readonly maxSize?: WrittenSize | undefined;
  /** Such as `image/png` or `image/*`, in lower case; images, PDF and plain text if left out. */
  readonly allowedTypes?: ReadonlyArray<string> | undefined;
  /** The lifetime of the PUT, `"1 second"` to `"7 days"`; 15 minutes if left out. */
  readonly putLifetime?: WrittenLifetime | undefined;
  /** The lifetime of the GET, `"1 second"` to `"7 days"`; 24 hours if left out. */
  readonly getLifetime?: WrittenLifetime | undefined;
  /**
   * The shortest lifetime of a URL, unless its policy sets a shorter one; 1 minute if left out. A
   * URL expires with the credentials that signed it.
   */
  readonly minLifetime?: WrittenLifetime | undefined;
  /** The store accepts one PUT for a key and refuses every later one. */
  readonly writeOnce?: boolean | undefined;
  /** Binds everything that the store can enforce; the PUT then needs further headers. */
  readonly strict?: boolean | undefined;
  /** Each upload must have a checksum, which the store verifies. */
  readonly requireChecksum?: boolean | undefined;
  /** Browsers show a PDF rather than save it, and may run scripts in it. */
  readonly inlinePdf?: boolean | undefined;
  /** `"delete"` removes a file that differs from its grant, if the bucket keeps versions. */
  readonly onMismatch?: "keep" | "delete" | undefined;
  /**
   * The age at which an unconfirmed upload is removed, such as `"3 days"`; if left out, once it can
   * no longer be confirmed. It needs `arrival: "incoming"`, since no file is ever removed.
   */
  readonly unconfirmedAfter?: `${number} ${"day" | "days"}` | undefined;
  /**
   * `"incoming"` lets an upload wait unreadable: confirming makes the file, with nothing but what
   * was granted, and no PUT can change it after that. `"direct"` if left out.
   */
  readonly arrival?: "direct" | "incoming" | undefined;
  /**
   * The scanner of an upload before it becomes the file: `"clamd"`, at `clamdAddress`, or `"tags"`,
   * the malware protection of Amazon GuardDuty; `"none"` if left out. It needs `arrival:
   * "incoming"` and `writeOnce`.
   */
  readonly scan?: "none" | "clamd" | "tags" | undefined;
  /** `"delete"` removes an upload in which the scan found something; `"keep"` if left out. */
  readonly onInfected?: "keep" | "delete" | undefined;
  /**
   * The grant travels with the upload, so that a notification of the store confirms it if its client
   * does not: see docs/notifications.md. It needs `arrival: "incoming"`.
   */
  readonly announce?: boolean | undefined;
  /**
   * The first bytes of each upload are compared with its type when it is confirmed; true with
   * `arrival: "incoming"` and false without if left out.
   */
  readonly verifyContent?: boolean | undefined;
  /**
   * The place of its files, such as `"orgs/{organization}/avatars/{year}/{id}{extension}"`: a name
   * or `{subject}`, then up to 7 of names, `{year}`, `{month}` and `{day}`. `files/{year}/{month}` if
   * left out, and `public/{year}/{month}` with `public`.
   */
  readonly key?: string | undefined;
  /**
   * Everybody can read its files, at an address that never expires: see docs/cdn.md. Their keys begin
   * with `orgs/{organization}/public/`, and `{subject}` may follow. Types that browsers execute are
   * refused.
   */
  readonly public?: boolean | undefined;
  /**
   * Tools may be given temporary credentials of the store, for at most `putLifetime`, which is then
   * 15 minutes or more; false if left out. It needs `arrival: "incoming"`.
   */
  readonly credentials?: boolean | undefined;
  /** The longest lifetime of a link to the file, up to 10 years; no links if left out. */
  readonly linkLifetime?: WrittenLifetime | undefined;
  /**
   * The widths in pixels in which an image server shows its pictures, such as `[64, 320, 1280]`: 1
   * to 16, from 16 to 4096; none if left out. See docs/images.md.
   */
  readonly images?: ReadonlyArray<number> | undefined;
}

const Days = Schema.String.pipe(
  Schema.decodeTo(Schema.Number.check(Schema.isBetween({ minimum: 1, maximum: 3650 })), {
    decode: SchemaGetter.transform((text) => Number(/^(\d+) days?$/.exec(text)?.[1])),
    encode: SchemaGetter.transform((days) => `${days} days`),
  }),
) as unknown as Schema.Codec<number, `${number} ${"day" | "days"}`>;

/** Decodes a member with a default, and a message for any invalid value. */
const member = <A, I>(schema: Schema.Codec<A, I>, fallback: NoInfer<I>, fault: string) =>
  withFault(Schema.withDecodingDefault<typeof schema>(Effect.succeed(fallback))(schema), fault);

const optional = <A, I>(schema: Schema.Codec<A, I>, fault: string) =>
  withFault(Schema.optional(schema), fault);

const withFault = <S extends Schema.Constraint>(schema: S, message: string) =>
  Schema.catchDecoding<S>(() => Effect.fail(new SchemaIssue.InvalidValue({ message })))(schema);

const nonEmpty = <A, I>(item: Schema.Codec<A, I>) =>
  Schema.Array(item).check(Schema.isMinLength(1));

const LIFETIME = 'it is not a duration such as "15 minutes", from "1 second" to "7 days"';
const BOOLEAN = "it is neither true nor false";

const KEEP_OR_DELETE = member(
  Schema.Literals(["keep", "delete"]),
  "keep",
  'it is neither "keep" nor "delete"',
);

/** A policy as documents, options of the package and docs/configuration.md write it. */
export const UploadPolicy = Schema.Struct({
  callers: member(
    nonEmpty(CallerKind),
    ["user", "service"],
    'it is not a list of "user", "service" or both',
  ),
  organizations: optional(
    nonEmpty(OrganizationSlug),
    'it is not a list of names of organizations such as "acme", with one at least',
  ),
  maxSize: member(
    SizeText,
    "10 MiB",
    'it is neither a number of bytes nor text such as "200 MiB" (B, KiB, MiB, GiB or TiB; kB, MB, GB or TB)',
  ),
  allowedTypes: member(
    nonEmpty(AllowedType),
    [
      "image/png",
      "image/jpeg",
      "image/gif",
      "image/webp",
      "image/avif",
      "application/pdf",
      "text/plain",
    ],
    "it is not a list of media types in lower case, with one at least",
  ),
  putLifetime: member(lifetimeText(Lifetime), "15 minutes", LIFETIME),
  getLifetime: member(lifetimeText(Lifetime), "24 hours", LIFETIME),
  minLifetime: member(lifetimeText(Lifetime), "1 minute", LIFETIME),
  writeOnce: member(Schema.Boolean, false, BOOLEAN),
  strict: member(Schema.Boolean, false, BOOLEAN),
  requireChecksum: member(Schema.Boolean, false, BOOLEAN),
  inlinePdf: member(Schema.Boolean, false, BOOLEAN),
  onMismatch: KEEP_OR_DELETE,
  arrival: member(
    Schema.Literals(["direct", "incoming"]),
    "direct",
    'it is neither "direct" nor "incoming"',
  ),
  scan: member(
    Schema.Literals(["none", "clamd", "tags"]),
    "none",
    'it is neither "clamd" nor "tags", nor "none"',
  ),
  onInfected: KEEP_OR_DELETE,
  announce: member(Schema.Boolean, false, BOOLEAN),
  verifyContent: optional(Schema.Boolean, BOOLEAN),
  unconfirmedAfter: optional(Days, 'it is not a number of whole days such as "3 days"'),
  key: member(
    KeyTemplate,
    DEFAULT_TEMPLATE,
    'it is not a template such as "orgs/{organization}/avatars/{year}/{id}{extension}": between {organization} and {id} are 1 to 8 folders, first {subject} or a name of lower-case letters, digits, _ and - that begins with a letter, then such names, {year}, {month} or {day}; only the default begins with files, and {subject} may follow public',
  ),
  public: member(Schema.Boolean, false, BOOLEAN),
  credentials: member(Schema.Boolean, false, BOOLEAN),
  linkLifetime: optional(
    lifetimeText(LinkLifetime),
    'it is not a duration such as "365 days", up to 10 years',
  ),
  images: optional(
    PictureWidths,
    "it is not a list of 1 to 16 different widths in pixels, from 16 to 4096, such as [64, 320]",
  ),
} satisfies {
  readonly [M in keyof WrittenPolicy]-?: Schema.Constraint & { readonly Encoded: WrittenPolicy[M] };
});
export interface UploadPolicy extends Schema.Schema.Type<typeof UploadPolicy> {}

/** 10 MiB of images, PDF or plain text for every caller; 15 minutes to upload, 24 hours to read. */
export const defaultPolicy: UploadPolicy = Schema.decodeSync(UploadPolicy)({});

export const verifiesContent = ({ arrival, verifyContent }: UploadPolicy): boolean =>
  verifyContent ?? arrival === "incoming";

/** The upload that a caller requests. */
export interface UploadRequest {
  readonly filename: FileName;
  readonly path?: FilePath | undefined;
  readonly contentType: MediaType;
  readonly size: ByteSize;
  /** False if left out; its policy may be strict for all uploads. */
  readonly strict?: boolean | undefined;
  readonly checksum?: Checksum | undefined;
  readonly metadata?: Metadata | undefined;
  /** The name of its policy; `files` if left out. */
  readonly policy?: string | undefined;
}

/** The upload as its policy allows it. */
export interface UploadGrant extends UploadRequest {
  readonly strict: boolean;
}

export function authorize(
  policy: UploadPolicy,
  caller: CallerKind,
  request: UploadRequest,
): Effect.Effect<
  UploadGrant,
  PolicyNotAllowed | FileTooLarge | MediaTypeNotAllowed | ChecksumRequired
> {
  if (!policy.callers.includes(caller)) {
    return Effect.fail(new PolicyNotAllowed({ callers: policy.callers }));
  }
  if (!allows(policy, request)) {
    return Effect.fail(
      new MediaTypeNotAllowed({
        actual: request.contentType,
        allowed: policy.allowedTypes,
        isPublic: policy.public,
      }),
    );
  }
  if (request.size > policy.maxSize) {
    return Effect.fail(new FileTooLarge({ limit: policy.maxSize, actual: request.size }));
  }
  if (policy.requireChecksum && request.checksum === undefined) {
    return Effect.fail(new ChecksumRequired());
  }
  return Effect.succeed({ ...request, strict: policy.strict || request.strict === true });
}

/**
 * Returns the allowed media types by their usual extensions, with the dot. Of several types with
 * one extension, the type that it usually stands for, if that is allowed.
 */
export function allowedByExtension(policy: TypeRules): ReadonlyMap<string, MediaType> {
  const types = new Map<string, MediaType>();
  for (const allowed of policy.allowedTypes) {
    for (const type of TYPES_WITH_EXTENSION) {
      if (!includes(allowed, type) || (policy.public && isExecutable(type))) continue;
      for (const extension of usualExtensions(type)) {
        const ending = `.${extension}`;
        if (!types.has(ending) || mediaTypeByExtension(extension) === type) types.set(ending, type);
      }
    }
  }
  return types;
}

type TypeRules = Pick<UploadPolicy, "allowedTypes" | "public">;

function allows(policy: TypeRules, { contentType, filename }: UploadRequest): boolean {
  const type = essence(contentType);
  if (!policy.allowedTypes.some((allowed) => includes(allowed, type))) return false;
  if (!policy.public) return true;
  // Servers also serve files by their extensions.
  const served = mediaTypeByExtension(extensionFor(filename, contentType).slice(1));
  return !isExecutable(contentType) && !isExecutable(served);
}

const includes = (allowed: AllowedType, type: string): boolean =>
  allowed.endsWith("/*") ? type.startsWith(allowed.slice(0, -1)) : type === allowed;
