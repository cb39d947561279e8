import * as Schema from "effect/Schema";
import { MemberFault } from "../settings/decode.ts";

// What HTTP refuses before or beside the use cases.

/** The body is not well-formed JSON, or does not have the members of this operation. */
export class InvalidBody extends Schema.TaggedError<InvalidBody>()("InvalidBody", {
  faults: Schema.NonEmptyArray(MemberFault),
}) {}

/** One member of the body has an invalid value. */
export class InvalidMember extends Schema.TaggedError<InvalidMember>()("InvalidMember", {
  code: Schema.Literals([
    "INVALID_FILE_NAME",
    "INVALID_CONTENT_TYPE",
    "INVALID_SIZE",
    "INVALID_CHECKSUM",
  ]),
  fault: MemberFault,
}) {}

/** The request's `Content-Type` is not JSON. */
export class BodyNotJson extends Schema.TaggedError<BodyNotJson>()("BodyNotJson", {}) {}

/** The body is compressed, or its charset is not UTF-8. */
export class BodyEncoded extends Schema.TaggedError<BodyEncoded>()("BodyEncoded", {}) {}

/** The body is larger than requests of this API may be; `limit` in bytes. */
export class BodyTooLarge extends Schema.TaggedError<BodyTooLarge>()("BodyTooLarge", {
  limit: Schema.Number,
}) {}

/** The request did not arrive within `seconds`. */
export class RequestTimeout extends Schema.TaggedError<RequestTimeout>()("RequestTimeout", {
  seconds: Schema.Number,
}) {}

/** The header `Idempotency-Key` does not have exactly one valid key. */
export class InvalidIdempotencyKey extends Schema.TaggedError<InvalidIdempotencyKey>()(
  "InvalidIdempotencyKey",
  {},
) {}

/** The request is not valid HTTP. */
export class MalformedRequest extends Schema.TaggedError<MalformedRequest>()(
  "MalformedRequest",
  {},
) {}

/** The request's headers are larger than `limit`, in bytes. */
export class HeadersTooLarge extends Schema.TaggedError<HeadersTooLarge>()("HeadersTooLarge", {
  limit: Schema.Number,
}) {}

/** The header `Expect` asks for something other than `100-continue`. */
export class ExpectationFailed extends Schema.TaggedError<ExpectationFailed>()(
  "ExpectationFailed",
  {},
) {}

/** Too many requests are under way on the connection or in the process. */
export class Overloaded extends Schema.TaggedError<Overloaded>()("Overloaded", {}) {}

/** The address exists, but does not have this method; `allow` names those that it has. */
export class MethodNotAllowed extends Schema.TaggedError<MethodNotAllowed>()("MethodNotAllowed", {
  allow: Schema.String,
}) {}

/** Nothing is at this address, or nothing for this caller. */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", {}) {}

/** The service answers only this machine, and the request comes from another or names another. */
export class LoopbackOnly extends Schema.TaggedError<LoopbackOnly>()("LoopbackOnly", {}) {}
