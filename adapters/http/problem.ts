import * as Duration from "effect/Duration";
import type * as rules from "../../domain/errors.ts";
import { rateLimitHeaders } from "./rate-limit-headers.ts";
import type * as refusals from "./refusals.ts";

/** Everything that a request can be refused for. */
export type Refusal =
  | Exclude<InstanceType<(typeof rules)[keyof typeof rules]>, rules.ObjectUnreadable>
  | InstanceType<(typeof refusals)[keyof typeof refusals]>;

/** What is wrong, in one word that stays the same between versions. */
export type Code =
  | "INVALID_REQUEST"
  | "INVALID_FILE_NAME"
  | "INVALID_CONTENT_TYPE"
  | "INVALID_SIZE"
  | "INVALID_CHECKSUM"
  | "INVALID_RECEIPT"
  | "UNKNOWN_POLICY"
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "REQUEST_TIMEOUT"
  | "UPLOAD_INCOMPLETE"
  | "UPLOAD_MISMATCH"
  | "FILE_TOO_LARGE"
  | "BODY_TOO_LARGE"
  | "UNSUPPORTED_MEDIA_TYPE"
  | "EXPECTATION_FAILED"
  | "IDEMPOTENCY_CONFLICT"
  | "RATE_LIMITED"
  | "QUOTA_EXCEEDED"
  | "HEADERS_TOO_LARGE"
  | "INTERNAL"
  | "OVERLOADED"
  | "IDENTITY_UNAVAILABLE"
  | "LIMITS_UNAVAILABLE"
  | "CREDENTIALS_UNAVAILABLE"
  | "STORE_UNAVAILABLE";

type Status =
  | 400
  | 401
  | 403
  | 404
  | 405
  | 408
  | 409
  | 413
  | 415
  | 417
  | 422
  | 429
  | 431
  | 500
  | 503;

/** A refusal as a client sees it: RFC 9457. */
export interface Problem {
  readonly status: Status;
  readonly code: Code;
  readonly title: string;
  /** What is wrong and what to do about it. */
  readonly detail: string;
  /** Further members of the document. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The one table of refusals: a new one does not compile until it has its answer here. */
const PROBLEMS = {
  InvalidBody: ({ faults }) => ({
    status: 400,
    code: "INVALID_REQUEST",
    title: "The body is not what this operation takes",
    detail: faults.map(({ pointer, reason }) => `${pointer || "The body"}: ${reason}`).join("; "),
    members: { errors: faults },
  }),
  InvalidMember: ({ code, fault }) => ({
    status: 400,
    code,
    title: `The value of ${fault.pointer.slice(1)} cannot be accepted`,
    detail: fault.reason,
    members: { errors: [fault] },
  }),
  FileTooLarge: ({ limit, actual }) => ({
    status: 413,
    code: "FILE_TOO_LARGE",
    title: "The file is too large",
    detail: `Files may have up to ${inMebibytes(limit)} (${limit} bytes); this one has ${actual} bytes`,
    members: { limit, actual },
  }),
  MediaTypeNotAllowed: ({ actual, allowed }) => ({
    status: 415,
    code: "UNSUPPORTED_MEDIA_TYPE",
    title: "Files of this type are not accepted",
    detail: `Files may be ${allowed.join(", ")}; this one is ${actual}`,
    members: { allowed },
  }),
  UnknownPolicy: ({ known }) => ({
    status: 400,
    code: "UNKNOWN_POLICY",
    title: "There is no such policy",
    detail: `Name a policy that you may use (${known.join(", ") || "there is none"}), or leave the member out for files`,
    members: { known },
  }),
  PolicyNotAllowed: ({ callers }) => ({
    status: 403,
    code: "FORBIDDEN",
    title: "The policy is not for this caller",
    detail: `The policy is for callers of the kind ${callers.join(" or ")}; use their token, or another policy`,
  }),
  InvalidReceipt: () => ({
    status: 400,
    code: "INVALID_RECEIPT",
    title: "The receipt cannot be accepted",
    detail: "Send the receipt of the presign answer as it was given, in time",
  }),
  LinksNotAllowed: () => ({
    status: 403,
    code: "FORBIDDEN",
    title: "There are no links to files of this policy",
    detail: "Use another policy, one with link_lifetime, or open the file by its file_url",
  }),
  LinkTooLong: ({ limit }) => ({
    status: 400,
    code: "INVALID_REQUEST",
    title: "The link would live too long",
    detail: `Links to files of this policy may live for ${limit} seconds`,
    members: { errors: [{ pointer: "/expires_in", reason: `it is more than ${limit}` }] },
  }),
  LinkNotFound: () => NOT_FOUND,
  UploadIncomplete: () => ({
    status: 409,
    code: "UPLOAD_INCOMPLETE",
    title: "The file is not in the store",
    detail: "Finish the upload, then confirm it again",
  }),
  UploadMismatch: (mismatch) => {
    const differences: typeof mismatch.differences = mismatch.differences.map(
      ({ property, ...values }) => ({
        property: property === "mediaType" ? "content_type" : property,
        ...values,
      }),
    );
    return {
      status: 409,
      code: "UPLOAD_MISMATCH",
      title: "What is in the store is not what was granted",
      detail: `It differs in ${differences.map(({ property }) => property).join(", ")}`,
      members: { differences },
    };
  },
  StoreUnavailable: () => ({
    status: 503,
    code: "STORE_UNAVAILABLE",
    title: "The store does not answer as it should",
    detail: "Try again in a few seconds",
    headers: { "Retry-After": "5" },
  }),
  ChecksumRequired: () => ({
    status: 400,
    code: "INVALID_CHECKSUM",
    title: "The policy wants a checksum of the file",
    detail: "Send the member checksum, {algorithm, value}, the value in base64",
  }),
  ChecksumNotSupported: ({ supported }) => ({
    status: 400,
    code: "INVALID_CHECKSUM",
    title: "The store cannot verify checksums of this algorithm",
    detail: `It verifies ${supported.join(", ") || "none"}; send one of these, or no checksum`,
    members: { supported },
  }),
  BodyNotJson: () => ({
    status: 415,
    code: "UNSUPPORTED_MEDIA_TYPE",
    title: "The body is not JSON",
    detail: "Send JSON with the header Content-Type: application/json",
    members: { allowed: ["application/json"] },
    headers: { Accept: "application/json" },
  }),
  BodyEncoded: () => ({
    status: 415,
    code: "UNSUPPORTED_MEDIA_TYPE",
    title: "The body is compressed or not in UTF-8",
    detail: "Send JSON in UTF-8, without Content-Encoding and with no other charset",
    members: { allowed: ["application/json"] },
    headers: { Accept: "application/json" },
  }),
  BodyTooLarge: ({ limit }) => ({
    status: 413,
    code: "BODY_TOO_LARGE",
    title: "The body of the request is too large",
    detail: `Requests may have up to ${limit} bytes; the file itself goes to the store, not here`,
    members: { limit },
  }),
  MalformedRequest: () => ({
    status: 400,
    code: "INVALID_REQUEST",
    title: "The request is not well-formed",
    detail: "Send HTTP/1.1, with one length for the body",
    headers: { Connection: "close" },
  }),
  HeadersTooLarge: ({ limit }) => ({
    status: 431,
    code: "HEADERS_TOO_LARGE",
    title: "The headers of the request are too large",
    detail: `All headers together may have up to ${limit} bytes`,
    members: { limit },
    headers: { Connection: "close" },
  }),
  RequestTimeout: ({ seconds }) => ({
    status: 408,
    code: "REQUEST_TIMEOUT",
    title: "The request did not arrive in time",
    detail: `Send the whole request within ${seconds} seconds`,
    headers: { Connection: "close" },
  }),
  ExpectationFailed: () => ({
    status: 417,
    code: "EXPECTATION_FAILED",
    title: "The header Expect asks for what this service does not do",
    detail: "Leave the header out, or send Expect: 100-continue",
    headers: { Connection: "close" },
  }),
  Overloaded: () => ({
    status: 503,
    code: "OVERLOADED",
    title: "The service has too many requests at once",
    detail: "Try again in a second",
    headers: { "Retry-After": "1", Connection: "close" },
  }),
  MethodNotAllowed: ({ allow }) => ({
    status: 405,
    code: "METHOD_NOT_ALLOWED",
    title: "The address does not have this method",
    detail: `Use ${allow}`,
    headers: { Allow: allow },
  }),
  NotFound: () => NOT_FOUND,
  OrganizationNotFound: () => NOT_FOUND,
  Unauthenticated: ({ by }) => ({
    status: 401,
    code: "UNAUTHENTICATED",
    title: "The caller is not known",
    detail: SIGN_IN[by],
    headers: { "WWW-Authenticate": 'Bearer realm="valetkey"' },
  }),
  LoopbackOnly: () => ({
    status: 403,
    code: "FORBIDDEN",
    title: "The service answers this machine only",
    detail:
      "AUTH=dev answers loopback addresses under loopback names; AUTH_DEV_EXPOSED=yes lifts that, where everyone who can reach the service may use it",
  }),
  ScopeMissing: ({ scope }) => ({
    status: 403,
    code: "FORBIDDEN",
    title: "The caller may not do this here",
    detail: `It needs the scope ${scope}; ask whoever gives out the tokens`,
    members: { scope },
  }),
  RateLimited: ({ allowance, retryAfter }) => ({
    status: 429,
    code: "RATE_LIMITED",
    title: "There are too many requests",
    detail: `${WHO_MAY[allowance.of]} ${allowance.limit.count} requests in ${Duration.toSeconds(allowance.limit.window)} seconds; try again in ${retryAfter} seconds`,
    headers: { "Retry-After": String(retryAfter), ...rateLimitHeaders([allowance]) },
  }),
  QuotaExceeded: ({ bytes, objects, retryAfter }) => ({
    status: 429,
    code: "QUOTA_EXCEEDED",
    title: "The organization has been granted what it may have today",
    detail: `In a day it may be granted ${[
      ...(objects === undefined ? [] : [`${objects} uploads`]),
      ...(bytes === undefined ? [] : [inMebibytes(bytes)]),
    ].join(" and ")}; the next day, of UTC, begins in ${retryAfter} seconds`,
    members: {
      limits: {
        ...(bytes === undefined ? {} : { bytes }),
        ...(objects === undefined ? {} : { objects }),
      },
    },
    headers: { "Retry-After": String(retryAfter) },
  }),
  IdempotencyConflict: () => ({
    status: 422,
    code: "IDEMPOTENCY_CONFLICT",
    title: "The idempotency key belongs to another request",
    detail: "Send what was sent under this Idempotency-Key before, or use a new key",
  }),
  IdempotencyNotSupported: () => ({
    status: 400,
    code: "INVALID_REQUEST",
    title: "Requests cannot be repeated with this store",
    detail: "The store cannot be told to write once; leave the header Idempotency-Key out",
  }),
  InvalidIdempotencyKey: () => ({
    status: 400,
    code: "INVALID_REQUEST",
    title: "The header Idempotency-Key cannot be accepted",
    detail: "Send it once, with 1 to 255 printable ASCII characters, in double quotes or without",
  }),
  IdentityUnavailable: () => ({
    status: 503,
    code: "IDENTITY_UNAVAILABLE",
    title: "The service cannot tell at the moment who calls, or for whom",
    detail: "Try again in a few seconds",
    headers: { "Retry-After": "5" },
  }),
  LimitsUnavailable: ({ retryAfter }) => ({
    status: 503,
    code: "LIMITS_UNAVAILABLE",
    title: "The service cannot keep count at the moment",
    detail:
      retryAfter === undefined
        ? "Try again in a few seconds"
        : `Too many requests with an Idempotency-Key are remembered; leave the header out, or try again in ${retryAfter} seconds`,
    headers: { "Retry-After": String(retryAfter ?? 5) },
  }),
  CredentialsUnavailable: () => ({
    status: 503,
    code: "CREDENTIALS_UNAVAILABLE",
    title: "The service cannot sign at the moment",
    detail: "Try again in a few seconds",
    headers: { "Retry-After": "5" },
  }),
} satisfies {
  readonly [Tag in Refusal["_tag"]]: (refusal: Extract<Refusal, { _tag: Tag }>) => Problem;
};

const WHO_MAY = {
  subject: "A caller may make",
  organization: "An organization may make",
  address: "Without a valid identity an address may make",
} as const;

/** What callers do who are not known. */
const SIGN_IN = {
  token: "Send a valid token with the header Authorization: Bearer TOKEN",
  proxy: "Call the service through the proxy in front of it, after signing in there",
  host: "Sign in to the service that this is a part of, and send what it knows you by",
} as const;

type Problems = typeof PROBLEMS;

/** The problem document of a refusal, by the tag of its class. */
export type ProblemOf<Tag extends keyof Problems> = DocumentOf<ReturnType<Problems[Tag]>>;

/** Any problem document: its `code` tells what further members it has. */
export type AnyProblem =
  | { readonly [Tag in keyof Problems]: ProblemOf<Tag> }[keyof Problems]
  | DocumentOf<ReturnType<typeof internalProblem>>;

/** The headers that refusals come with; how a connection goes on is not of the API. */
export type RefusedHeader = Exclude<
  { readonly [Tag in keyof Problems]: HeaderOf<ReturnType<Problems[Tag]>> }[keyof Problems],
  "Connection"
>;
type HeaderOf<P> = P extends { headers: infer Headers } ? keyof Headers : never;

type DocumentOf<P> = P extends Problem
  ? Flat<
      Omit<P, "headers" | "members"> & (P extends { members: infer Members } ? Members : unknown)
    >
  : never;
type Flat<T> = { readonly [Name in keyof T]: T[Name] };

const inMebibytes = (bytes: number) => `${Number((bytes / 2 ** 20).toFixed(2))} MiB`;

const NOT_FOUND = {
  status: 404,
  code: "NOT_FOUND",
  title: "There is nothing here",
  detail: "Check the address, and that you may use what it names",
} satisfies Problem;

/** The answer to a refusal. */
export function problemOf(refusal: Refusal): Problem {
  // Each entry takes the refusal of its own tag, which the compiler cannot follow through a look-up.
  return (PROBLEMS[refusal._tag] as (refusal: Refusal) => Problem)(refusal);
}

/** The answer to a failure of the service itself: an id to look for in its log, nothing else. */
export const internalProblem = (requestId: string) =>
  ({
    status: 500,
    code: "INTERNAL",
    title: "The service failed",
    detail: "Tell the operator the request_id; the log has the cause",
    members: { request_id: requestId },
  }) satisfies Problem;
