import * as Data from "effect/Data";
import * as Schema from "effect/Schema";
import type { Allowance } from "./limits.ts";

/** The upload is larger than the policy allows; both sizes in bytes. */
export class FileTooLarge extends Schema.TaggedError<FileTooLarge>()("FileTooLarge", {
  limit: Schema.Number,
  actual: Schema.Number,
}) {}

/** The policy does not allow files of this type; `allowed` is what it does allow. */
export class MediaTypeNotAllowed extends Schema.TaggedError<MediaTypeNotAllowed>()(
  "MediaTypeNotAllowed",
  { actual: Schema.String, allowed: Schema.Array(Schema.String) },
) {}

/** There is no policy of this name; `known` are those that the caller may use. */
export class UnknownPolicy extends Schema.TaggedError<UnknownPolicy>()("UnknownPolicy", {
  known: Schema.Array(Schema.String),
}) {}

/** The policy is for other kinds of callers: those in `callers`. */
export class PolicyNotAllowed extends Schema.TaggedError<PolicyNotAllowed>()("PolicyNotAllowed", {
  callers: Schema.Array(Schema.String),
}) {}

/** The policy wants a checksum of the file, and there is none. */
export class ChecksumRequired extends Schema.TaggedError<ChecksumRequired>()(
  "ChecksumRequired",
  {},
) {}

/** The store cannot verify checksums of this algorithm; `supported` are those that it can. */
export class ChecksumNotSupported extends Schema.TaggedError<ChecksumNotSupported>()(
  "ChecksumNotSupported",
  { supported: Schema.Array(Schema.String) },
) {}

/** The receipt is none of ours, or its time is over. */
export class InvalidReceipt extends Schema.TaggedError<InvalidReceipt>()("InvalidReceipt", {}) {}

/** The file is not in the store, or not yet. */
export class UploadIncomplete extends Schema.TaggedError<UploadIncomplete>()(
  "UploadIncomplete",
  {},
) {}

/** What is in the store is not what was granted. */
export class UploadMismatch extends Schema.TaggedError<UploadMismatch>()("UploadMismatch", {
  differences: Schema.Array(
    Schema.Struct({
      property: Schema.String,
      expected: Schema.Union([Schema.String, Schema.Number]),
      actual: Schema.Union([Schema.String, Schema.Number]),
    }),
  ),
}) {}

/** The policy of the upload allows no links to it. */
export class LinksNotAllowed extends Schema.TaggedError<LinksNotAllowed>()("LinksNotAllowed", {}) {}

/** The link would live longer than the policy allows; `limit` in seconds. */
export class LinkTooLong extends Schema.TaggedError<LinkTooLong>()("LinkTooLong", {
  limit: Schema.Number,
}) {}

/** The link is none of ours, over, or taken back. */
export class LinkNotFound extends Schema.TaggedError<LinkNotFound>()("LinkNotFound", {}) {}

/** The caller belongs to the organization, and may not do this there. */
export class ScopeMissing extends Schema.TaggedError<ScopeMissing>()("ScopeMissing", {
  scope: Schema.String,
}) {}

/** More requests than a limit allows; `retryAfter` is in seconds. */
export class RateLimited extends Data.TaggedError("RateLimited")<{
  readonly allowance: Allowance;
  readonly retryAfter: number;
}> {}

/** More than the organization may be granted in a day; `retryAfter` is in seconds. */
export class QuotaExceeded extends Schema.TaggedError<QuotaExceeded>()("QuotaExceeded", {
  bytes: Schema.optionalKey(Schema.Number),
  objects: Schema.optionalKey(Schema.Number),
  retryAfter: Schema.Number,
}) {}

/** The same idempotency key came with another request before. */
export class IdempotencyConflict extends Schema.TaggedError<IdempotencyConflict>()(
  "IdempotencyConflict",
  {},
) {}

/** The store cannot be made to write once, so that a retry could replace what is there. */
export class IdempotencyNotSupported extends Schema.TaggedError<IdempotencyNotSupported>()(
  "IdempotencyNotSupported",
  {},
) {}
