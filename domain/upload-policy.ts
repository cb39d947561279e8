import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { type ByteSize, mebibytes } from "./byte-size.ts";
import type { Checksum } from "./checksum.ts";
import { ChecksumRequired, FileTooLarge, MediaTypeNotAllowed, PolicyNotAllowed } from "./errors.ts";
import type { FileName } from "./file-name.ts";
import { Lifetime } from "./lifetime.ts";
import type { LinkLifetime } from "./link.ts";
import {
  essence,
  extensionsOf,
  type MediaType,
  mediaTypeOf,
  TYPES_WITH_EXTENSION,
} from "./media-type.ts";
import type { OrganizationSlug } from "./organization.ts";

/** A media type, or all subtypes of one (`image/*`), in lower case and without parameters. */
export const AllowedType = Schema.String.check(
  Schema.isPattern(/^[a-z0-9][a-z0-9!#$&^_.+-]*\/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]*)$/),
).pipe(Schema.brand("AllowedType"));
export type AllowedType = typeof AllowedType.Type;

/** The name of a policy: a label of RFC 1123, section 2.1, in lower case. */
export const POLICY_NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
export const PolicyName = Schema.String.check(Schema.isPattern(POLICY_NAME));

/** The policy of an upload that names none. */
export const DEFAULT_POLICY = "files";

/** The kind of caller: a person in a browser, or a service of our own. */
export const CallerKind = Schema.Literals(["user", "service"]);
export type CallerKind = typeof CallerKind.Type;

/** What may be uploaded and by whom, and how long its URLs work. */
export interface UploadPolicy {
  readonly callers: ReadonlyArray<CallerKind>;
  /** The names of those that have the policy; for others it does not exist. All if undefined. */
  readonly organizations?: ReadonlyArray<OrganizationSlug> | undefined;
  /** The largest file, in bytes. */
  readonly maxSize: ByteSize;
  readonly allowedTypes: ReadonlyArray<AllowedType>;
  readonly putLifetime: Lifetime;
  readonly getLifetime: Lifetime;
  /**
   * The shortest lifetime of a URL, unless its own lifetime is shorter. A URL expires with the
   * credentials that signed it; if they expire sooner than this, no URL is made.
   */
  readonly minLifetime: Lifetime;
  /** The store accepts one PUT for a key and refuses every later one. */
  readonly writeOnce: boolean;
  /**
   * Everything that the store can enforce is signed, including what needs further headers of the
   * PUT.
   */
  readonly strict: boolean;
  /** Each request must have a checksum, which the store verifies. */
  readonly requireChecksum: boolean;
  /**
   * After how many days the bucket removes an unconfirmed upload; never if undefined. It needs
   * `writeOnce`, so that no marked object replaces a confirmed one.
   */
  readonly unconfirmedAfter?: number | undefined;
  /** A file that differs from its grant is removed, if the bucket keeps versions. */
  readonly deleteMismatch: boolean;
  /** PDF is shown in place rather than saved. Browsers may run scripts in it. */
  readonly inlinePdf: boolean;
  /** The longest lifetime of a link to the file; links are not allowed if undefined. */
  readonly linkLifetime?: LinkLifetime | undefined;
}

/** What a caller asks to upload. */
export interface UploadRequest {
  readonly fileName: FileName;
  readonly mediaType: MediaType;
  readonly size: ByteSize;
  /** Like `strict` of a policy, for this upload. */
  readonly strict: boolean;
  readonly checksum?: Checksum | undefined;
}

/** An upload and its policy, as a caller asks for them. */
export interface RequestedUpload {
  readonly upload: UploadRequest;
  /** The name of a policy; `files` if undefined. */
  readonly policy?: string | undefined;
}

/** A granted upload: what is signed, and for how long. */
export interface UploadGrant
  extends
    UploadRequest,
    Pick<
      UploadPolicy,
      "putLifetime" | "getLifetime" | "minLifetime" | "writeOnce" | "unconfirmedAfter"
    > {}

/** 10 MiB of images, PDF or plain text for every caller; 15 minutes to upload, 24 hours to read. */
export const defaultPolicy: UploadPolicy = {
  callers: ["user", "service"],
  maxSize: mebibytes(10),
  allowedTypes: [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "application/pdf",
    "text/plain",
  ].map((type) => AllowedType.make(type)),
  putLifetime: Lifetime.make(Duration.minutes(15)),
  getLifetime: Lifetime.make(Duration.hours(24)),
  minLifetime: Lifetime.make(Duration.minutes(1)),
  writeOnce: false,
  strict: false,
  requireChecksum: false,
  deleteMismatch: false,
  inlinePdf: false,
};

/** Grants an upload that the policy allows; fails with the rule that it breaks. */
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
  if (!allows(policy.allowedTypes, request.mediaType)) {
    return Effect.fail(
      new MediaTypeNotAllowed({ actual: request.mediaType, allowed: policy.allowedTypes }),
    );
  }
  if (request.size > policy.maxSize) {
    return Effect.fail(new FileTooLarge({ limit: policy.maxSize, actual: request.size }));
  }
  if (policy.requireChecksum && request.checksum === undefined) {
    return Effect.fail(new ChecksumRequired());
  }
  const { putLifetime, getLifetime, minLifetime, writeOnce, unconfirmedAfter } = policy;
  const strict = policy.strict || request.strict;
  return Effect.succeed({
    ...request,
    putLifetime,
    getLifetime,
    minLifetime,
    writeOnce,
    unconfirmedAfter,
    strict,
  });
}

/**
 * The allowed media types by their usual extensions, with the dot: what a client declares for a
 * file whose type it does not know. Of several types with one extension, the type that it usually
 * stands for, if that is allowed.
 */
export function allowedByExtension(
  allowedTypes: ReadonlyArray<AllowedType>,
): ReadonlyMap<string, MediaType> {
  const types = new Map<string, MediaType>();
  for (const allowed of allowedTypes) {
    for (const type of TYPES_WITH_EXTENSION) {
      if (!includes(allowed, type)) continue;
      for (const extension of extensionsOf(type)) {
        const ending = `.${extension}`;
        if (!types.has(ending) || mediaTypeOf(extension) === type) types.set(ending, type);
      }
    }
  }
  return types;
}

function allows(allowedTypes: ReadonlyArray<AllowedType>, mediaType: MediaType): boolean {
  const type = essence(mediaType);
  return allowedTypes.some((allowed) => includes(allowed, type));
}

const includes = (allowed: AllowedType, type: string): boolean =>
  allowed.endsWith("/*") ? type.startsWith(allowed.slice(0, -1)) : type === allowed;
