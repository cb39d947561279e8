import type * as Arr from "effect/Array";
import * as Data from "effect/Data";
import type { MemberFault } from "../../values/decode.ts";

// Refusals of HTTP, before or beside the use cases.

/** The body is not well-formed JSON, or does not have the members of this operation. */
export class InvalidBody extends Data.TaggedError("InvalidBody")<{
  readonly errors: Arr.NonEmptyReadonlyArray<MemberFault>;
}> {}

/** One member of the body has an invalid value. */
export class InvalidMember extends Data.TaggedError("InvalidMember")<{
  readonly code: "INVALID_FILE_NAME" | "INVALID_CONTENT_TYPE" | "INVALID_SIZE" | "INVALID_CHECKSUM";
  readonly errors: readonly [MemberFault];
}> {}

export class BodyNotJson extends Data.TaggedError("BodyNotJson") {}

export class BodyEncoded extends Data.TaggedError("BodyEncoded") {}

/** The body is larger than requests of this API may be; `limit` in bytes. */
export class BodyTooLarge extends Data.TaggedError("BodyTooLarge")<{ readonly limit: number }> {}

/** The request did not arrive within `seconds`. */
export class RequestTimeout extends Data.TaggedError("RequestTimeout")<{
  readonly seconds: number;
}> {}

export class MalformedRequest extends Data.TaggedError("MalformedRequest") {}

/** The request's headers are larger than `limit`, in bytes. */
export class HeadersTooLarge extends Data.TaggedError("HeadersTooLarge")<{
  readonly limit: number;
}> {}

/** The header `Expect` asks for something other than `100-continue`. */
export class ExpectationFailed extends Data.TaggedError("ExpectationFailed") {}

/** Too many requests are under way on the connection or in the process. */
export class Overloaded extends Data.TaggedError("Overloaded") {}

/** The address exists, but does not have this method; `allow` names those that it has. */
export class MethodNotAllowed extends Data.TaggedError("MethodNotAllowed")<{
  readonly allow: string;
}> {}

/**
 * The service has no such address, whoever asks. `base` is the path that it is mounted under;
 * `endsWithSlash` is true if the address is one of the service without its last slash.
 */
export class UnknownAddress extends Data.TaggedError("UnknownAddress")<{
  readonly base: string;
  readonly endsWithSlash: boolean;
}> {}

/** Nothing is at this address, or nothing for this caller. */
export class NotFound extends Data.TaggedError("NotFound") {}

/** The service answers only this machine, and the request comes from another or names another. */
export class LoopbackOnly extends Data.TaggedError("LoopbackOnly") {}

/** A fault of the service itself; the caller learns only an id in its log. */
export class Internal extends Data.TaggedError("Internal")<{ readonly requestId: string }> {}
