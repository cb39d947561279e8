import * as Duration from "effect/Duration";
import type * as rules from "../../domain/errors.ts";
import type { Allowance } from "../../domain/limits.ts";
import type * as refusals from "./refusals.ts";

/** Every reason to refuse a request. */
export type Refusal =
  | Exclude<InstanceType<(typeof rules)[keyof typeof rules]>, rules.ObjectUnreadable>
  | InstanceType<(typeof refusals)[keyof typeof refusals]>;

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
  /** What is wrong, in one word that does not change between versions. */
  readonly code: Uppercase<string>;
  readonly title: string;
  /** What is wrong and what to do about it. */
  readonly detail: string;
  /** Further members of the document. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer to every refusal: a new refusal does not compile until it has an answer here. */
const PROBLEMS = {
  InvalidBody: ({ faults }) => ({
    status: 400,
    code: "INVALID_REQUEST",
    title: "The request body is invalid",
    detail: `${faults.map(({ pointer, reason }) => `${pointer || "The body"}: ${reason}`).join("; ")}.`,
    members: { errors: faults },
  }),
  InvalidMember: ({ code, fault }) => ({
    status: 400,
    code,
    title: `The value of ${fault.pointer.slice(1)} is invalid`,
    detail: `${fault.reason}.`,
    members: { errors: [fault] },
  }),
  FileTooLarge: ({ limit, actual }) => ({
    status: 413,
    code: "FILE_TOO_LARGE",
    title: "The file is too large",
    detail: `The policy accepts files of up to ${sizeInWords(limit)}; this one has ${actual} bytes. Send a smaller file, or use a policy for larger ones.`,
    members: { limit, actual },
  }),
  MediaTypeNotAllowed: ({ actual, allowed }) => ({
    status: 415,
    code: "UNSUPPORTED_MEDIA_TYPE",
    title: "Files of this type are not accepted",
    detail: `This file is ${actual}. The policy accepts ${allowed.join(", ")}.`,
    members: { allowed },
  }),
  UnknownPolicy: ({ known }) => ({
    status: 400,
    code: "UNKNOWN_POLICY",
    title: "There is no such policy",
    detail: `Policies that you may use: ${known.join(", ") || "none"}. Without the member policy, the policy files applies.`,
    members: { known },
  }),
  PolicyNotAllowed: ({ callers }) => ({
    status: 403,
    code: "FORBIDDEN",
    title: "This caller may not use the policy",
    detail: `The policy accepts callers of the kind ${callers.join(" or ")} only. Use another policy, or a token of that kind.`,
  }),
  InvalidReceipt: () => ({
    status: 400,
    code: "INVALID_RECEIPT",
    title: "The receipt is invalid or has expired",
    detail:
      "Send the receipt of the presign answer unchanged, at most a day after the upload URL expires. Later, presign and upload the file again.",
  }),
  LinksNotAllowed: () => ({
    status: 403,
    code: "FORBIDDEN",
    title: "The policy of the file does not allow links",
    detail: "Open the file by its file_url, or upload it under a policy that has link_lifetime.",
  }),
  LinkTooLong: ({ limit }) => ({
    status: 400,
    code: "INVALID_REQUEST",
    title: "The lifetime of the link is too long",
    detail: `The policy of the file allows links for up to ${limit} seconds. Send a smaller expires_in, or leave it out.`,
    members: { errors: [{ pointer: "/expires_in", reason: `it is more than ${limit}` }] },
  }),
  LinkNotFound: () => ({
    status: 404,
    code: "NOT_FOUND",
    title: "The link does not work",
    detail: "It is incomplete, has expired or was revoked. Ask whoever sent it for a new one.",
  }),
  UploadIncomplete: () => ({
    status: 409,
    code: "UPLOAD_INCOMPLETE",
    title: "The file is not in the store",
    detail: "Finish the upload, then confirm it again.",
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
      title: "The stored file differs from what was granted",
      detail: `It differs in ${differences.map(({ property }) => property).join(", ")}. Presign the file again, and upload it exactly as granted.`,
      members: { differences },
    };
  },
  StoreUnavailable: () => ({
    status: 503,
    code: "STORE_UNAVAILABLE",
    title: "The store is unavailable",
    detail: LATER,
    headers: { "Retry-After": "5" },
  }),
  ChecksumRequired: () => ({
    status: 400,
    code: "INVALID_CHECKSUM",
    title: "The policy requires a checksum of the file",
    detail: "Send the member checksum: {algorithm, value}, with the value in base64.",
  }),
  ChecksumNotSupported: ({ supported }) => ({
    status: 400,
    code: "INVALID_CHECKSUM",
    title: "The store cannot verify checksums of this algorithm",
    detail:
      supported.length === 0
        ? "The store verifies no checksums. Leave checksum out."
        : `Use ${supported.join(" or ")}, or leave checksum out.`,
    members: { supported },
  }),
  BodyNotJson: () => ({
    status: 415,
    code: "UNSUPPORTED_MEDIA_TYPE",
    title: "The body is not JSON",
    detail: "Send JSON with the header Content-Type: application/json.",
    members: { allowed: ["application/json"] },
    headers: { Accept: "application/json" },
  }),
  BodyEncoded: () => ({
    status: 415,
    code: "UNSUPPORTED_MEDIA_TYPE",
    title: "The body is compressed or not in UTF-8",
    detail: "Send JSON in UTF-8, without the header Content-Encoding and with no other charset.",
    members: { allowed: ["application/json"] },
    headers: { Accept: "application/json" },
  }),
  BodyTooLarge: ({ limit }) => ({
    status: 413,
    code: "BODY_TOO_LARGE",
    title: "The request body is too large",
    detail: `A request body may have up to ${limit} bytes. Send the file itself to the store, not here.`,
    members: { limit },
  }),
  MalformedRequest: () => ({
    status: 400,
    code: "INVALID_REQUEST",
    title: "The request is not valid HTTP",
    detail: "Send HTTP/1.1, with one Host header and one length for the body.",
    headers: { Connection: "close" },
  }),
  HeadersTooLarge: ({ limit }) => ({
    status: 431,
    code: "HEADERS_TOO_LARGE",
    title: "The request headers are too large",
    detail: `All headers together may have up to ${limit} bytes. Send fewer or shorter ones, such as cookies.`,
    members: { limit },
    headers: { Connection: "close" },
  }),
  RequestTimeout: ({ seconds }) => ({
    status: 408,
    code: "REQUEST_TIMEOUT",
    title: "The request did not arrive in time",
    detail: `Send the whole request within ${seconds} seconds.`,
    headers: { Connection: "close" },
  }),
  ExpectationFailed: () => ({
    status: 417,
    code: "EXPECTATION_FAILED",
    title: "The value of the header Expect is not supported",
    detail: "Leave the header out, or send Expect: 100-continue.",
    headers: { Connection: "close" },
  }),
  Overloaded: () => ({
    status: 503,
    code: "OVERLOADED",
    title: "The service is handling too many requests",
    detail: "Try again in a second.",
    headers: { "Retry-After": "1", Connection: "close" },
  }),
  MethodNotAllowed: ({ allow }) => ({
    status: 405,
    code: "METHOD_NOT_ALLOWED",
    title: "The address does not support this method",
    detail: `Use ${allow}.`,
    headers: { Allow: allow },
  }),
  NotFound: () => NOT_FOUND,
  OrganizationNotFound: () => NOT_FOUND,
  Unauthenticated: ({ by }) => ({
    status: 401,
    code: "UNAUTHENTICATED",
    title: "The caller is not authenticated",
    detail: SIGN_IN[by],
    headers: { "WWW-Authenticate": 'Bearer realm="valetkey"' },
  }),
  LoopbackOnly: () => ({
    status: 403,
    code: "FORBIDDEN",
    title: "The service answers this machine only",
    detail:
      "With AUTH=dev, call the service from its own machine and under a loopback name such as localhost. AUTH_DEV_EXPOSED=yes lifts that, and then everyone who can reach the service may use it.",
  }),
  ScopeMissing: ({ scope }) => ({
    status: 403,
    code: "FORBIDDEN",
    title: "The caller lacks a scope",
    detail: `This needs the scope ${scope}. Ask whoever issues the tokens for it.`,
    members: { scope },
  }),
  RateLimited: ({ allowance, retryAfter }) => ({
    status: 429,
    code: "RATE_LIMITED",
    title: "Too many requests",
    detail: `${WHO_MAY[allowance.of]} ${allowance.limit.count} requests in ${Duration.toSeconds(allowance.limit.window)} seconds. Try again in ${retryAfter} seconds.`,
    headers: { "Retry-After": String(retryAfter), ...rateLimitHeaders([allowance]) },
  }),
  QuotaExceeded: ({ bytes, objects, retryAfter }) => ({
    status: 429,
    code: "QUOTA_EXCEEDED",
    title: "Daily quota exceeded",
    detail: `In one day an organization may be granted ${[
      ...(objects === undefined ? [] : [`${objects} uploads`]),
      ...(bytes === undefined ? [] : [sizeInWords(bytes)]),
    ].join(" and ")}. The next day (UTC) begins in ${retryAfter} seconds.`,
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
    title: "The Idempotency-Key was used for another request",
    detail: "Repeat that request exactly, or use a new key.",
  }),
  IdempotencyNotSupported: () => ({
    status: 400,
    code: "INVALID_REQUEST",
    title: "Idempotency-Key is not supported with this store",
    detail:
      "The store cannot be told to write an object only once. Leave the header Idempotency-Key out.",
  }),
  InvalidIdempotencyKey: () => ({
    status: 400,
    code: "INVALID_REQUEST",
    title: "The header Idempotency-Key is invalid",
    detail: "Send it once, with 1 to 255 printable ASCII characters, in double quotes or without.",
  }),
  IdentityUnavailable: () => ({
    status: 503,
    code: "IDENTITY_UNAVAILABLE",
    title: "The service cannot check the caller or the organization at the moment",
    detail: LATER,
    headers: { "Retry-After": "5" },
  }),
  LimitsUnavailable: ({ retryAfter }) => ({
    status: 503,
    code: "LIMITS_UNAVAILABLE",
    title: "The service cannot count requests at the moment",
    detail:
      retryAfter === undefined
        ? LATER
        : `Too many requests with an Idempotency-Key are remembered. Leave the header out, or try again in ${retryAfter} seconds.`,
    headers: { "Retry-After": String(retryAfter ?? 5) },
  }),
  CredentialsUnavailable: () => ({
    status: 503,
    code: "CREDENTIALS_UNAVAILABLE",
    title: "The service cannot sign at the moment",
    detail: LATER,
    headers: { "Retry-After": "5" },
  }),
} satisfies {
  readonly [Tag in Refusal["_tag"]]: (refusal: Extract<Refusal, { _tag: Tag }>) => Problem;
};

const WHO_MAY = {
  subject: "One caller may make",
  organization: "One organization may make",
  address: "Without valid credentials, one network address may make",
} as const;

/** What a caller who is not authenticated has to do. */
const SIGN_IN = {
  token: "Send a valid token in the header Authorization: Bearer TOKEN.",
  proxy: "Sign in at the proxy in front of the service, and call the service through it.",
  host: "Sign in to the application that this service is part of, and send what identifies you there, such as its cookie.",
} as const;

type Problems = typeof PROBLEMS;

/** The problem document of a refusal, by the tag of its class. */
export type ProblemOf<Tag extends keyof Problems> = DocumentOf<ReturnType<Problems[Tag]>>;

/** Any problem document; its `code` tells which further members it has. */
export type AnyProblem =
  | { readonly [Tag in keyof Problems]: ProblemOf<Tag> }[keyof Problems]
  | DocumentOf<ReturnType<typeof internalProblem>>;

/** The headers of refusals; `Connection` is left out, since it is not part of the API. */
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

function sizeInWords(bytes: number): string {
  if (bytes < 2 ** 20) return `${bytes} bytes`;
  const [unit, size] = bytes < 2 ** 30 ? ["MiB", 2 ** 20] : ["GiB", 2 ** 30];
  return `${Number((bytes / size).toFixed(2))} ${unit} (${bytes} bytes)`;
}

const LATER =
  "Try again in a few seconds. If that does not help, the operator finds the cause in the log.";

// The same words whether something does not exist or is not for this caller.
const NOT_FOUND = {
  status: 404,
  code: "NOT_FOUND",
  title: "Nothing was found at this address",
  detail:
    "Check the path, the name of the organization in it, and that you belong to that organization. A receipt works only in its own organization, for the caller it was given to.",
} satisfies Problem;

/** The answer to a refusal. */
export function problemOf(refusal: Refusal): Problem {
  // Each entry takes the refusal of its own tag; the compiler cannot follow that through a look-up.
  return (PROBLEMS[refusal._tag] as (refusal: Refusal) => Problem)(refusal);
}

/** The answer to a failure of the service itself: only an id to look for in its log. */
export const internalProblem = (requestId: string) =>
  ({
    status: 500,
    code: "INTERNAL",
    title: "The service failed",
    detail: "Give the request_id to the operator, who finds the cause in the log.",
    members: { request_id: requestId },
  }) satisfies Problem;

/**
 * What clients are told of the limits on their requests: draft-ietf-httpapi-ratelimit-headers,
 * sections 3 and 4.
 */
export const rateLimitHeaders = (
  allowances: ReadonlyArray<Allowance>,
): { readonly "RateLimit-Policy"?: string; readonly RateLimit?: string } =>
  allowances.length === 0
    ? {}
    : {
        "RateLimit-Policy": allowances
          .map(
            ({ of, limit: { count, window } }) =>
              `"${of}";q=${count};w=${Duration.toSeconds(window)}`,
          )
          .join(", "),
        RateLimit: allowances
          .map(({ of, remaining, resetAfter }) => `"${of}";r=${remaining};t=${resetAfter}`)
          .join(", "),
      };
