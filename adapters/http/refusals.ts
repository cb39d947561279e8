import * as Schema from "effect/Schema";
import { MemberFault } from "../settings/decode.ts";

// What HTTP itself has to refuse, before or beside the use cases.

/** The body is no JSON, or not of the form that the operation takes. */
export class InvalidBody extends Schema.TaggedError<InvalidBody>()("InvalidBody", {
  faults: Schema.NonEmptyArray(MemberFault),
}) {}

/** One member of the body is there, and its value cannot be accepted. */
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

/** The body is compressed, or in another charset than UTF-8. */
export class BodyEncoded extends Schema.TaggedError<BodyEncoded>()("BodyEncoded", {}) {}

/** The body is larger than any request of this API; `limit` in bytes. */
export class BodyTooLarge extends Schema.TaggedError<BodyTooLarge>()("BodyTooLarge", {
  limit: Schema.Number,
}) {}

/** The request did not arrive in time; `seconds` is how long was waited. */
export class RequestTimeout extends Schema.TaggedError<RequestTimeout>()("RequestTimeout", {
  seconds: Schema.Number,
}) {}

/** The `Idempotency-Key` header holds no key, or more than one. */
export class InvalidIdempotencyKey extends Schema.TaggedError<InvalidIdempotencyKey>()(
  "InvalidIdempotencyKey",
  {},
) {}

/** The request is no HTTP that can be read. */
export class MalformedRequest extends Schema.TaggedError<MalformedRequest>()(
  "MalformedRequest",
  {},
) {}

/** The request's headers are larger than any that are needed; `limit` in bytes. */
export class HeadersTooLarge extends Schema.TaggedError<HeadersTooLarge>()("HeadersTooLarge", {
  limit: Schema.Number,
}) {}

/** The header `Expect` asks for something other than `100-continue`. */
export class ExpectationFailed extends Schema.TaggedError<ExpectationFailed>()(
  "ExpectationFailed",
  {},
) {}

/** More requests are under way, on the connection or in the process, than are taken at once. */
export class Overloaded extends Schema.TaggedError<Overloaded>()("Overloaded", {}) {}

/** The address exists and the method does not. */
export class MethodNotAllowed extends Schema.TaggedError<MethodNotAllowed>()("MethodNotAllowed", {
  allow: Schema.String,
}) {}

/** There is nothing at this address, or nothing for this caller. */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", {}) {}

/** Development credentials are for this machine, and the request is not from or for it. */
export class LoopbackOnly extends Schema.TaggedError<LoopbackOnly>()("LoopbackOnly", {}) {}
