import * as Duration from "effect/Duration";
import * as Struct from "effect/Struct";
import { sizeInWords } from "../../../domain/byte-size.ts";
import type * as rules from "../../../domain/errors.ts";
import type { Allowance } from "../../../domain/limits.ts";
import { type Language, WIRE } from "./language.ts";
import type * as refusals from "./refusals.ts";

export type Refusal =
  | Exclude<InstanceType<(typeof rules)[keyof typeof rules]>, rules.ObjectUnreadable>
  | InstanceType<(typeof refusals)[keyof typeof refusals]>;

/** The codes, which do not change between versions, and the HTTP status of each. */
export const STATUSES = {
  UPLOAD_PENDING: 202,
  INVALID_REQUEST: 400,
  INVALID_FILE_NAME: 400,
  INVALID_CONTENT_TYPE: 400,
  INVALID_SIZE: 400,
  INVALID_CHECKSUM: 400,
  INVALID_RECEIPT: 400,
  INVALID_UPLOAD: 400,
  UNKNOWN_POLICY: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMEOUT: 408,
  UPLOAD_INCOMPLETE: 409,
  UPLOAD_MISMATCH: 409,
  UPLOAD_REFUSED_BY_SCAN: 409,
  BODY_TOO_LARGE: 413,
  FILE_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  EXPECTATION_FAILED: 417,
  RATE_LIMITED: 429,
  QUOTA_EXCEEDED: 429,
  HEADERS_TOO_LARGE: 431,
  INTERNAL: 500,
  CREDENTIALS_UNAVAILABLE: 503,
  IDENTITY_UNAVAILABLE: 503,
  LIMITS_UNAVAILABLE: 503,
  OVERLOADED: 503,
  SCANNER_UNAVAILABLE: 503,
  EVENTS_UNAVAILABLE: 503,
  STORE_UNAVAILABLE: 503,
} as const;
type Code = keyof typeof STATUSES;

/** A refusal as a client sees it: RFC 9457. */
export interface Problem {
  readonly status: (typeof STATUSES)[Code];
  readonly code: Code;
  readonly title: string;
  /** The fault and the remedy. */
  readonly detail: string;
  /** Further members of the document. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A problem without its status, which follows from its code. */
type Row = Omit<Problem, "status">;

/** The answers to what is refused of one upload, alone or in a batch. */
const UPLOAD_PROBLEMS = {
  AnnouncementTooLong: ({ limit, actual }) => ({
    code: "INVALID_REQUEST",
    title: "The file name and metadata are too long for the store",
    detail: `Uploads of this policy carry their grant, which has ${actual} bytes; the store takes ${limit}. Send less metadata, or a shorter file name.`,
  }),
  FileTooLarge: ({ limit, actual, fitsInParts = false }, say) => ({
    code: "FILE_TOO_LARGE",
    title: "The file is too large",
    detail: fitsInParts
      ? `One PUT carries up to ${sizeInWords(limit)}; this file has ${actual} bytes. Send it in parts: start with ${say.operation("startMultipart")}.`
      : `The policy accepts files of up to ${sizeInWords(limit)}; this one has ${actual} bytes. Send a smaller file, or use a policy that accepts it.`,
    members: { limit, actual },
  }),
  MediaTypeNotAllowed: ({ actual, allowed }) => ({
    code: "UNSUPPORTED_MEDIA_TYPE",
    title: "Files of this type are not accepted",
    detail: `This file is ${actual}. The policy accepts ${allowed.join(", ")}.`,
    members: { allowed },
  }),
  UnknownPolicy: ({ known }) => ({
    code: "UNKNOWN_POLICY",
    title: "There is no such policy",
    detail: `You may use these policies: ${known.join(", ") || "none"}. If you leave the member policy out, the policy files applies.`,
    members: { known },
  }),
  PolicyNotAllowed: ({ callers }) => ({
    code: "FORBIDDEN",
    title: "This caller may not use the policy",
    detail: `Only callers of the kind ${callers.join(" or ")} may use it. Use another policy, or send the token of such a caller.`,
  }),
  ChecksumRequired: () => ({
    code: "INVALID_CHECKSUM",
    title: "A checksum is required",
    detail:
      "The policy asks for it, or the checksum of a whole file in parts. Send the member checksum (checksums for parts) with an algorithm and a value in base64.",
  }),
  ChecksumNotSupported: ({ supported }) => ({
    code: "INVALID_CHECKSUM",
    title: "The store cannot verify checksums of this algorithm",
    detail:
      supported.length === 0
        ? "The store verifies no checksums. Leave checksum out."
        : `Use ${supported.join(" or ")}, or leave checksum out.`,
    members: { supported },
  }),
} satisfies {
  readonly [Tag in rules.UploadRefusal["_tag"]]: (
    refusal: Extract<rules.UploadRefusal, { _tag: Tag }>,
    say: Language,
  ) => Row;
};
type UploadProblem = ReturnType<(typeof UPLOAD_PROBLEMS)[rules.UploadRefusal["_tag"]]>;

const FILE_FAULTS: {
  readonly [Tag in rules.UploadRefusal["_tag"]]: readonly [member: string, reason: string];
} = {
  AnnouncementTooLong: ["metadata", "the store cannot carry so much of it"],
  FileTooLarge: ["size", "it is more than the policy or one PUT accepts"],
  MediaTypeNotAllowed: ["contentType", "the policy does not accept it"],
  UnknownPolicy: ["policy", "there is no policy of this name"],
  PolicyNotAllowed: ["policy", "this caller may not use it"],
  ChecksumRequired: ["checksum", "it is missing"],
  ChecksumNotSupported: ["checksum", "the store cannot verify its algorithm"],
};

/** The answer to every refusal: a new refusal does not compile until it has an answer here. */
export const PROBLEMS = {
  ...UPLOAD_PROBLEMS,
  UploadRefused: ({ index, refusal }, say) => {
    const problem = rowFrom<UploadProblem>(UPLOAD_PROBLEMS, refusal, say);
    const [member, reason] = FILE_FAULTS[refusal._tag];
    const pointer = `/files/${index}/${say.member(member)}`;
    const { members = {} }: Row = problem;
    return Object.assign(problem, {
      detail: `${pointer}: ${problem.detail}`,
      members: { ...members, errors: [{ pointer, reason }] },
    });
  },
  InvalidBody: ({ faults }, say) => ({
    code: "INVALID_REQUEST",
    title: `${say.input} is invalid`,
    detail: `${faults.map(({ pointer, reason }) => `${pointer || say.input}: ${reason}`).join("; ")}.`,
    members: { errors: faults },
  }),
  InvalidMember: ({ code, fault }) => ({
    code,
    title: `The value of ${fault.pointer.slice(1)} is invalid`,
    detail: `${fault.reason}.`,
    members: { errors: [fault] },
  }),
  InvalidReceipt: (_, say) => ({
    code: "INVALID_RECEIPT",
    title: "The receipt is invalid or has expired",
    detail: `Send the receipt exactly as ${say.operation("requestUpload")} answered it, within a day after the upload URL expires. After that, ask to upload the file again.`,
  }),
  InvalidUpload: (_, say) => ({
    code: "INVALID_UPLOAD",
    title: "The upload is invalid, or has ended",
    detail: `Send upload exactly as ${say.operation("startMultipart")} answered it, within a day. An upload that was completed or aborted cannot be continued; start a new one.`,
  }),
  MultipartNotSupported: (_, say) => ({
    code: "INVALID_REQUEST",
    title: "Uploads in parts are not supported with this store",
    detail: `Upload the file with one PUT: ask for it with ${say.operation("requestUpload")}.`,
  }),
  PartOutOfRange: ({ partNumber, partCount }) => ({
    code: "INVALID_REQUEST",
    title: "The upload has no such part",
    detail: `There is no part ${partNumber}: the upload has ${count(partCount, "part")}, numbered from 1. Name only those.`,
  }),
  PartsMissing: ({ missing }) => ({
    code: "UPLOAD_INCOMPLETE",
    title: "Parts of the file are missing",
    detail: `These parts are not in the store, or were not named: ${missing.join(", ")}. Upload those that are not there, then complete the upload with all its parts.`,
    members: { missing },
  }),
  LinksNotAllowed: (_, say) => ({
    code: "FORBIDDEN",
    title: "The policy of the file does not allow links",
    detail: `Open the file by its ${say.member("fileUrl")}, or upload it under a policy that has ${say.member("linkLifetime")}.`,
  }),
  LinkTooLong: ({ limit }, say) => ({
    code: "INVALID_REQUEST",
    title: "The lifetime of the link is too long",
    detail: `The policy of the file allows links for up to ${count(limit, "second")}. Send a smaller ${say.member("expiresIn")}, or leave it out.`,
    members: {
      errors: [{ pointer: `/${say.member("expiresIn")}`, reason: `it is more than ${limit}` }],
    },
  }),
  LinkNotFound: () => ({
    code: "NOT_FOUND",
    title: "The link does not work",
    detail:
      "The link is incomplete, has expired or was revoked. Ask whoever sent it for a new one.",
  }),
  UploadIncomplete: () => ({
    code: "UPLOAD_INCOMPLETE",
    title: "The file is not in the store",
    detail: "Finish the upload, then confirm it again.",
  }),
  UploadPending: ({ state, retryAfter: seconds }) => ({
    code: "UPLOAD_PENDING",
    title: "The file is not ready yet",
    detail:
      "Confirm it again after the time that Retry-After gives, until there is another answer.",
    members: { state },
    headers: retryAfter(seconds),
  }),
  UploadMismatch: (refusal, say) => {
    const differences = refusal.differences.map(({ property, ...values }) => ({
      property: property === "contentType" ? say.member("contentType") : property,
      ...values,
    }));
    return {
      code: "UPLOAD_MISMATCH",
      title: "The stored file differs from what was granted",
      detail: `These differ: ${differences.map(({ property }) => property).join(", ")}. ${whatToDo(differences, say)}`,
      members: { differences },
    };
  },
  UploadRefusedByScan: () => ({
    code: "UPLOAD_REFUSED_BY_SCAN",
    title: "The scan did not find the file to be clean",
    detail: "It is infected, or could not be scanned. Upload another file.",
  }),
  StoreUnavailable: ({ retryAfter: seconds }) => ({
    ...unavailable("STORE_UNAVAILABLE", "The store is unavailable"),
    ...(seconds !== undefined && { headers: retryAfter(Math.max(1, Math.ceil(seconds))) }),
  }),
  BodyNotJson: () => ({
    ...NOT_JSON,
    title: "The body is not JSON",
    detail: "Send JSON with the header Content-Type: application/json.",
  }),
  BodyEncoded: () => ({
    ...NOT_JSON,
    title: "The body is compressed or not in UTF-8",
    detail: "Send uncompressed JSON in UTF-8: no Content-Encoding, and no charset but utf-8.",
  }),
  BodyTooLarge: ({ limit }) => ({
    code: "BODY_TOO_LARGE",
    title: "The request body is too large",
    detail: `A request body may have up to ${limit} bytes. Send the file itself to the store, not here.`,
    members: { limit },
  }),
  MalformedRequest: () => ({
    code: "INVALID_REQUEST",
    title: "The request is not valid HTTP",
    detail:
      "Send HTTP/1.1 with one Host header, and with Content-Length or Transfer-Encoding if it has a body.",
    headers: CLOSE,
  }),
  HeadersTooLarge: ({ limit }) => ({
    code: "HEADERS_TOO_LARGE",
    title: "The request headers are too large",
    detail: `All headers together may have up to ${limit} bytes. Send fewer or shorter headers, such as fewer cookies.`,
    members: { limit },
    headers: CLOSE,
  }),
  RequestTimeout: ({ seconds }) => ({
    code: "REQUEST_TIMEOUT",
    title: "The request did not arrive in time",
    detail: `Send the whole request within ${count(seconds, "second")}.`,
    headers: CLOSE,
  }),
  ExpectationFailed: () => ({
    code: "EXPECTATION_FAILED",
    title: "The value of the header Expect is not supported",
    detail: "Leave the header out, or send Expect: 100-continue.",
    headers: CLOSE,
  }),
  Overloaded: () => ({
    code: "OVERLOADED",
    title: "The service is handling too many requests",
    detail: "Try again in a second.",
    headers: { ...retryAfter(1), ...CLOSE },
  }),
  MethodNotAllowed: ({ allow }) => ({
    code: "METHOD_NOT_ALLOWED",
    title: "The address does not support this method",
    detail: `Use ${allow}.`,
    headers: { Allow: allow },
  }),
  NotFound: (_, say) => notFound(say),
  OrganizationNotFound: (_, say) => notFound(say),
  Unauthenticated: ({ by }) => ({
    code: "UNAUTHENTICATED",
    title: "The caller is not authenticated",
    detail: SIGN_IN[by],
    // Amazon SNS sends the password of an address only when it is asked for it.
    headers: { "WWW-Authenticate": `${by === "secret" ? "Basic" : "Bearer"} realm="valetkey"` },
  }),
  LoopbackOnly: () => ({
    code: "FORBIDDEN",
    title: "The service answers this machine only",
    detail:
      "With AUTH=dev, call the service from its own machine, by a loopback name such as localhost. With AUTH_DEV_EXPOSED=yes, everyone who can reach the service may use it.",
  }),
  ScopeMissing: ({ scope }) => ({
    code: "FORBIDDEN",
    title: "The caller lacks a scope",
    detail: `This request needs the scope ${scope}. Ask whoever issues the tokens for it.`,
    members: { scope },
  }),
  RateLimited: ({ allowance, retryAfter: seconds }) => ({
    code: "RATE_LIMITED",
    title: "Too many requests",
    detail: `${WHO_MAY[allowance.of]} ${count(allowance.limit.count, "request")} in ${count(Duration.toSeconds(allowance.limit.window), "second")}. Try again in ${count(seconds, "second")}.`,
    headers: { ...retryAfter(seconds), ...rateLimitHeaders([allowance]) },
  }),
  QuotaExceeded: (refusal) => {
    const { caller, bytes = caller, objects, retryAfter: seconds } = refusal;
    const quota = [
      ...(objects === undefined ? [] : [count(objects, "upload")]),
      ...(bytes === undefined ? [] : [sizeInWords(bytes)]),
    ];
    return {
      code: "QUOTA_EXCEEDED",
      title: caller === undefined ? "Daily quota exceeded" : "Daily quota of the caller exceeded",
      detail: `${caller === undefined ? "An organization" : "One caller"} may be granted up to ${quota.join(" and ")} in a day. The next day (UTC) begins in ${count(seconds, "second")}.`,
      members: { limits: Struct.pick(refusal, ["bytes", "objects", "caller"]) },
      headers: retryAfter(seconds),
    };
  },
  IdentityUnavailable: () =>
    unavailable(
      "IDENTITY_UNAVAILABLE",
      "The service cannot check the caller or the organization at the moment",
    ),
  LimitsUnavailable: () =>
    unavailable("LIMITS_UNAVAILABLE", "The service cannot count requests at the moment"),
  ScannerUnavailable: () =>
    unavailable("SCANNER_UNAVAILABLE", "The file cannot be scanned at the moment"),
  EventsUnavailable: () =>
    unavailable("EVENTS_UNAVAILABLE", "The service cannot notify its backend at the moment"),
  CredentialsUnavailable: () =>
    unavailable("CREDENTIALS_UNAVAILABLE", "The service cannot sign at the moment"),
} satisfies {
  readonly [Tag in Refusal["_tag"]]: (
    refusal: Extract<Refusal, { _tag: Tag }>,
    say: Language,
  ) => Row;
};

function whatToDo(
  differences: ReadonlyArray<{ readonly property: string }>,
  say: Language,
): string {
  const areAll = (kind: RegExp) => differences.every(({ property }) => kind.test(property));
  if (areAll(/^parts\/\d+\/etag$/)) {
    return `A part was sent again: complete the upload with the ETags of ${say.operation("listParts")}, or send these parts again.`;
  }
  if (areAll(/^content$/)) {
    return "The content is of another type: ask to upload it under its own type.";
  }
  return areAll(/^parts\//)
    ? "The upload has ended: start a new one, and send each part exactly as granted."
    : "Ask to upload the file again, and send it exactly as granted.";
}

const WHO_MAY = {
  subject: "One caller may make",
  organization: "One organization may make",
  address: "Without valid credentials, one network address may make",
} as const;

const SIGN_IN = {
  token: "Send a valid token in the header Authorization: Bearer TOKEN.",
  proxy: "Sign in at the proxy in front of the service, and call the service through it.",
  secret: "Send one of NOTIFICATIONS_SECRETS as valetkey events setup shows it for the store.",
  host: "Sign in to the application that this service is part of, and send what identifies you there, such as its cookie.",
} as const;

const NOT_JSON = {
  code: "UNSUPPORTED_MEDIA_TYPE",
  members: { allowed: ["application/json"] },
  headers: { Accept: "application/json" },
} as const;

// The same words whether something does not exist or belongs to another organization.
const notFound = ({ notFound: { title, check } }: Language) =>
  ({
    code: "NOT_FOUND",
    title,
    detail: `${check} A receipt or upload works only in its own organization, for the caller it was given to, and until its file is removed.`,
  }) as const;

const CLOSE = { Connection: "close" };

const unavailable = <C extends Code>(code: C, title: string) => ({
  code,
  title,
  detail: "Try again in a few seconds. If it still fails, the operator finds the cause in the log.",
  headers: retryAfter(5),
});

const retryAfter = (seconds: number) => ({ "Retry-After": String(seconds) });

const count = (number: number, unit: string) => `${number} ${unit}${number === 1 ? "" : "s"}`;

/** The problem that a refusal is: for clients of the API, or in the language of calls. */
export function problemFrom(refusal: Refusal, language = WIRE): Problem {
  const row = rowFrom<Row>(PROBLEMS, refusal, language);
  return { status: STATUSES[row.code], ...row };
}

/** Each row takes the refusal of its own tag; the compiler cannot follow that through a look-up. */
const rowFrom = <R>(
  rows: { readonly [tag: string]: (refusal: never, say: Language) => R },
  refusal: Refusal,
  say: Language,
): R => (rows[refusal._tag] as (refusal: Refusal, say: Language) => R)(refusal, say);

/** The answer to a failure of the service itself, which tells nothing but an id in its log. */
export const internalProblem = (requestId: string): Problem => ({
  status: STATUSES.INTERNAL,
  code: "INTERNAL",
  title: "The service failed",
  detail: "Give the request_id to the operator, who finds the cause in the log.",
  members: { request_id: requestId },
});

/**
 * Tells clients the limits on their requests: draft-ietf-httpapi-ratelimit-headers,
 * sections 3 and 4.
 */
export function rateLimitHeaders(
  allowances: ReadonlyArray<Allowance>,
): Readonly<Record<string, string>> | undefined {
  if (allowances.length === 0) return undefined;
  const policies = allowances.map(
    ({ of, limit }) => `"${of}";q=${limit.count};w=${Duration.toSeconds(limit.window)}`,
  );
  const left = allowances.map(
    ({ of, remaining, resetAfter }) => `"${of}";r=${remaining};t=${resetAfter}`,
  );
  return { "RateLimit-Policy": policies.join(", "), RateLimit: left.join(", ") };
}
