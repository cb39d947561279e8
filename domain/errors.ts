import * as Data from "effect/Data";
import * as Schema from "effect/Schema";
import type { Allowance } from "./limits.ts";
import { UploadDifference } from "./upload-difference.ts";

// Every error of the domain and the application. A `reason` is for the operator: it says what to
// do where that is known, is never shown to callers, and holds no secret.

/** The upload is larger than the policy, or one PUT, allows; both sizes in bytes. */
export class FileTooLarge extends Schema.TaggedError<FileTooLarge>()("FileTooLarge", {
  limit: Schema.Number,
  actual: Schema.Number,
  /** Whether only one PUT is the limit: in parts, the policy allows the file. */
  fitsInParts: Schema.optionalKey(Schema.Boolean),
}) {}

/** The policy does not allow files of this type; `allowed` lists those that it does. */
export class MediaTypeNotAllowed extends Schema.TaggedError<MediaTypeNotAllowed>()(
  "MediaTypeNotAllowed",
  { actual: Schema.String, allowed: Schema.Array(Schema.String) },
) {}

/** There is no policy of this name; `known` lists those that the caller may use. */
export class UnknownPolicy extends Schema.TaggedError<UnknownPolicy>()("UnknownPolicy", {
  known: Schema.Array(Schema.String),
}) {}

/** The policy is for other kinds of callers, listed in `callers`. */
export class PolicyNotAllowed extends Schema.TaggedError<PolicyNotAllowed>()("PolicyNotAllowed", {
  callers: Schema.Array(Schema.String),
}) {}

/** The policy, or the checksum of a whole file in parts, requires one that the request lacks. */
export class ChecksumRequired extends Schema.TaggedError<ChecksumRequired>()(
  "ChecksumRequired",
  {},
) {}

/** The store cannot verify checksums of this algorithm; `supported` lists those that it can. */
export class ChecksumNotSupported extends Schema.TaggedError<ChecksumNotSupported>()(
  "ChecksumNotSupported",
  { supported: Schema.Array(Schema.String) },
) {}

/** Why one upload is refused for what it asks. */
export type UploadRefusal =
  | UnknownPolicy
  | PolicyNotAllowed
  | FileTooLarge
  | MediaTypeNotAllowed
  | ChecksumRequired
  | ChecksumNotSupported;

/** One upload of a batch is refused, and all others with it; `index` counts from 0. */
export class UploadRefused extends Data.TaggedError("UploadRefused")<{
  readonly index: number;
  readonly refusal: UploadRefusal;
}> {}

/** The receipt was not made by this service, or has expired. */
export class InvalidReceipt extends Schema.TaggedError<InvalidReceipt>()("InvalidReceipt", {}) {}

/** The file is not in the store, or not yet. */
export class UploadIncomplete extends Schema.TaggedError<UploadIncomplete>()(
  "UploadIncomplete",
  {},
) {}

/** What is in the store is not what was granted. */
export class UploadMismatch extends Schema.TaggedError<UploadMismatch>()("UploadMismatch", {
  differences: Schema.Array(UploadDifference),
}) {}

/** The token of an upload in parts was not made by this service, or the upload has ended. */
export class InvalidUpload extends Schema.TaggedError<InvalidUpload>()("InvalidUpload", {}) {}

/** The store is not used for uploads in parts. */
export class MultipartNotSupported extends Schema.TaggedError<MultipartNotSupported>()(
  "MultipartNotSupported",
  {},
) {}

/** The store takes no uploads from HTML forms. */
export class FormNotSupported extends Schema.TaggedError<FormNotSupported>()(
  "FormNotSupported",
  {},
) {}

/** An HTML form cannot be bound to a property that the request or its policy asks for. */
export class FormCannotBind extends Schema.TaggedError<FormCannotBind>()("FormCannotBind", {
  property: Schema.Literals(["checksum", "strict", "writeOnce", "idempotencyKey"]),
}) {}

/** The upload has no part of this number. */
export class PartOutOfRange extends Schema.TaggedError<PartOutOfRange>()("PartOutOfRange", {
  partNumber: Schema.Number,
  partCount: Schema.Number,
}) {}

/** Parts are not in the store, or the client does not name them; up to 100 of their numbers. */
export class PartsMissing extends Schema.TaggedError<PartsMissing>()("PartsMissing", {
  missing: Schema.Array(Schema.Number),
}) {}

/** The policy of the upload allows no links to it. */
export class LinksNotAllowed extends Schema.TaggedError<LinksNotAllowed>()("LinksNotAllowed", {}) {}

/** The link would live longer than the policy allows; `limit` in seconds. */
export class LinkTooLong extends Schema.TaggedError<LinkTooLong>()("LinkTooLong", {
  limit: Schema.Number,
}) {}

/** The link was not made by this service, has expired, or was revoked. */
export class LinkNotFound extends Schema.TaggedError<LinkNotFound>()("LinkNotFound", {}) {}

/** The request does not say who sent it, or nothing that can be believed. */
export class Unauthenticated extends Schema.TaggedError<Unauthenticated>()("Unauthenticated", {
  /**
   * Where callers get what they lack: a token, a proxy in front, or the service around this one.
   */
  by: Schema.Literals(["token", "proxy", "host"]),
}) {}

/**
 * There is no such organization, or it is not the caller's. A caller cannot tell which. Also for a
 * file or receipt of another organization.
 */
export class OrganizationNotFound extends Schema.TaggedError<OrganizationNotFound>()(
  "OrganizationNotFound",
  {},
) {}

/** The caller belongs to the organization, and may not do this there. */
export class ScopeMissing extends Schema.TaggedError<ScopeMissing>()("ScopeMissing", {
  scope: Schema.String,
}) {}

/** More requests than a limit allows; `retryAfter` in seconds. */
export class RateLimited extends Data.TaggedError("RateLimited")<{
  readonly allowance: Allowance;
  readonly retryAfter: number;
}> {}

/**
 * More than the organization may be granted in a day, more bytes than one caller may be granted
 * there if it is `caller`, or, if it is `multipart`, more uploads in parts than the organization
 * may have open at once; `retryAfter` in seconds.
 */
export class QuotaExceeded extends Schema.TaggedError<QuotaExceeded>()("QuotaExceeded", {
  bytes: Schema.optionalKey(Schema.Number),
  objects: Schema.optionalKey(Schema.Number),
  caller: Schema.optionalKey(Schema.Number),
  multipart: Schema.optionalKey(Schema.Number),
  retryAfter: Schema.Number,
}) {}

/** The same idempotency key came with another request before. */
export class IdempotencyConflict extends Schema.TaggedError<IdempotencyConflict>()(
  "IdempotencyConflict",
  {},
) {}

/** The store cannot be told to write once, so that a retry could replace the first upload. */
export class IdempotencyNotSupported extends Schema.TaggedError<IdempotencyNotSupported>()(
  "IdempotencyNotSupported",
  {},
) {}

/** The service that knows the callers, or their organizations, does not answer. */
export class IdentityUnavailable extends Schema.TaggedError<IdentityUnavailable>()(
  "IdentityUnavailable",
  { reason: Schema.String },
) {}

/** The counter of the limits does not answer, or is full. */
export class LimitsUnavailable extends Schema.TaggedError<LimitsUnavailable>()(
  "LimitsUnavailable",
  {
    reason: Schema.String,
    /** Seconds until there is room for another idempotency key, if that is what is missing. */
    retryAfter: Schema.optionalKey(Schema.Number),
  },
) {}

/** The store did not do what was asked of it, or cannot be reached. */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  reason: Schema.String,
}) {}

/** No credentials that live long enough can be had. */
export class CredentialsUnavailable extends Schema.TaggedError<CredentialsUnavailable>()(
  "CredentialsUnavailable",
  { reason: Schema.String },
) {}

/**
 * The store shows the object to nobody who lacks a key that the client sent along in `header`.
 * Callers see an `UploadMismatch` instead.
 */
export class ObjectUnreadable extends Schema.TaggedError<ObjectUnreadable>()("ObjectUnreadable", {
  header: Schema.String,
}) {}
