import * as Duration from "effect/Duration";
import * as Schema from "effect/Schema";
import * as Struct from "effect/Struct";
import { sizeInWords } from "../../../domain/byte-size.ts";
import type * as rules from "../../../domain/errors.ts";
import type { Allowance } from "../../../domain/limits.ts";
import { PartNumber } from "../../../domain/multipart.ts";
import { Scope } from "../../../domain/principal.ts";
import { UploadDifference } from "../../../domain/upload-difference.ts";
import { MemberFault } from "../../values/decode.ts";
import type { Language } from "./language.ts";
import type * as requests from "./refusals.ts";
import { typeInWords } from "./type-in-words.ts";

// The answer to every refusal, in one table: a new refusal does not compile until it has a row here.
// Problem documents, their schemas in /openapi.json, docs/errors.md and the errors of the package
// are made of it.

type Classes = Omit<typeof rules, "ObjectUnreadable"> & typeof requests;
export type Refusal = InstanceType<Classes[keyof Classes]>;
export type Tag = Refusal["_tag"];

/** A constant, or a function of the facts of a refusal, in one of two languages. */
export type Said<A, Facts> = A | ((facts: Facts, say: Language) => A);

/** The answer to refusals with these facts. */
export interface Row<Facts = never, Sample = unknown> {
  /** Codes do not change between versions. */
  readonly answer: Said<readonly [status: number, code: string, title: string], Facts>;
  /** The fault and the remedy. */
  readonly detail: Said<string, Facts>;
  /** Further members of the document, with the facts of the same names for values. */
  readonly members?: Readonly<Record<string, Schema.Constraint>>;
  /** The values of members that are not facts. */
  readonly values?: (facts: Facts, say: Language) => Readonly<Record<string, unknown>>;
  /** In seconds; undefined if waiting does not help. */
  readonly retryAfter?: Said<number | undefined, Facts>;
  readonly headers?: Said<Readonly<Record<string, string>>, Facts>;
  /** The member of a file, and its fault, if one of several is refused. */
  readonly inBatch?: readonly [member: string, reason: string];
  /** A line for the operator, who gets the reason too. */
  readonly log?: string;
  /** Facts of examples, which together have all members that the refusal can have. */
  readonly samples?: ReadonlyArray<Sample>;
}

type RowOf<T extends Tag, Facts = ConstructorParameters<Classes[T]>[0]> = Row<Facts, Facts> &
  (Facts extends void ? unknown : { readonly samples: object }) &
  (Facts extends { readonly reason: string } ? { readonly log: string } : unknown) &
  (T extends rules.UploadRefusal["_tag"] ? { readonly inBatch: object } : unknown);

const bytes = Schema.Natural.annotate({ description: "Bytes." });
const quota = Schema.optionalKey(Schema.Natural);
const textList = (description: string) => Schema.Array(Schema.String).annotate({ description });
// Not `NonEmptyArray`, which generated clients take for a list of exactly one.
const errors = Schema.Array(MemberFault).annotate({
  identifier: "Faults",
  description: "The invalid members of the body.",
  minItems: 1,
  maxItems: 20,
});
const allowed = textList("What may be sent.");

const CLOSE = { Connection: "close" };

const unavailable = <const Code extends string>(code: Code, title: string, log: string) =>
  ({
    answer: [503, code, title],
    detail:
      "Try again in a few seconds. If it still fails, the operator finds the cause in the log.",
    retryAfter: 5,
    log,
    samples: [{ reason: "for the operator" }],
  }) as const;

const NOT_JSON = {
  members: { allowed },
  values: () => ({ allowed: ["application/json"] }),
  headers: { Accept: "application/json" },
} as const;

// The same words for a missing thing and one of another organization.
const NOT_FOUND = {
  answer: (_: unknown, say: Language) => [404, "NOT_FOUND", say.notFound.title] as const,
  detail: (_: unknown, say: Language) =>
    `${say.notFound.check} A receipt or upload works only in its own organization, for the caller it was given to, and until its file is removed.`,
} as const;

const OBJECT_FAULTS = {
  name: {
    answer: [400, "OBJECT_REFUSED", "The object's name cannot be the path of a file"],
    detail:
      "Use names between slashes, without . and .., control characters and backslashes, of up to 255 bytes each.",
  },
  empty: {
    answer: [400, "OBJECT_REFUSED", "The object is empty"],
    detail: "A file must have at least 1 byte.",
  },
  late: {
    answer: [409, "UPLOAD_LATE", "The object was stored or changed after completing began"],
    detail: "Ask for new credentials, and upload it again.",
  },
  bytes: {
    answer: [400, "OBJECT_REFUSED", "The objects have more bytes than were granted"],
    detail: "Ask for credentials with more maxBytes, and upload it again.",
  },
  removed: {
    answer: [404, "NOT_FOUND", "The file was removed"],
    detail: "Upload it again to have it back.",
  },
} as const;

export const PROBLEMS = {
  InvalidBody: {
    answer: (_, say) => [400, "INVALID_REQUEST", `${say.input} is invalid`] as const,
    detail: ({ errors }, say) =>
      `${errors.map(({ pointer, reason }) => `${pointer || say.input}: ${reason}`).join("; ")}.`,
    members: { errors },
    samples: [{ errors: [{ pointer: "/size", reason: "it is missing" }] }],
  },
  InvalidMember: {
    answer: ({ code, errors: [fault] }) =>
      [400, code, `The value of ${fault.pointer.slice(1)} is invalid`] as const,
    detail: ({ errors: [fault] }) => `${fault.reason}.`,
    members: { errors },
    samples: [
      invalid("INVALID_FILE_NAME", "filename", "file name: it is empty"),
      invalid(
        "INVALID_CONTENT_TYPE",
        "content_type",
        "media type: it is not of the form type/subtype",
      ),
      invalid(
        "INVALID_SIZE",
        "size",
        "size: it is not a whole number of bytes from 1 to 9007199254740991",
      ),
      invalid("INVALID_CHECKSUM", "checksum", "checksum: it is not 32 bytes in base64"),
    ],
  },
  BodyNotJson: {
    ...NOT_JSON,
    answer: [415, "UNSUPPORTED_MEDIA_TYPE", "The body is not JSON"],
    detail: "Send JSON with the header Content-Type: application/json.",
  },
  BodyEncoded: {
    ...NOT_JSON,
    answer: [415, "UNSUPPORTED_MEDIA_TYPE", "The body is compressed or not in UTF-8"],
    detail: "Send uncompressed JSON in UTF-8: no Content-Encoding, and no charset but utf-8.",
  },
  BodyTooLarge: {
    answer: [413, "BODY_TOO_LARGE", "The request body is too large"],
    detail: ({ limit }) =>
      `A request body may have up to ${limit} bytes. Send the file itself to the store, not here.`,
    members: { limit: bytes },
    samples: [{ limit: 16 * 1024 }],
  },
  MalformedRequest: {
    answer: [400, "INVALID_REQUEST", "The request is not valid HTTP"],
    detail:
      "Send HTTP/1.1 with one Host header, and with Content-Length or Transfer-Encoding if it has a body.",
    headers: CLOSE,
  },
  HeadersTooLarge: {
    answer: [431, "HEADERS_TOO_LARGE", "The request headers are too large"],
    detail: ({ limit }) =>
      `All headers together may have up to ${limit} bytes. Send fewer or shorter headers, such as fewer cookies.`,
    members: { limit: bytes },
    headers: CLOSE,
    samples: [{ limit: 16 * 1024 }],
  },
  RequestTimeout: {
    answer: [408, "REQUEST_TIMEOUT", "The request did not arrive in time"],
    detail: ({ seconds }) => `Send the whole request within ${count(seconds, "second")}.`,
    headers: CLOSE,
    samples: [{ seconds: 10 }],
  },
  ExpectationFailed: {
    answer: [417, "EXPECTATION_FAILED", "The value of the header Expect is not supported"],
    detail: "Leave the header out, or send Expect: 100-continue.",
    headers: CLOSE,
  },
  Overloaded: {
    answer: [503, "OVERLOADED", "The service is handling too many requests"],
    detail: "Try again in a second.",
    retryAfter: 1,
    headers: CLOSE,
  },
  MethodNotAllowed: {
    answer: [405, "METHOD_NOT_ALLOWED", "The address does not support this method"],
    detail: ({ allow }) => `Use ${allow}.`,
    headers: ({ allow }) => ({ Allow: allow }),
    samples: [{ allow: "GET" }],
  },
  NotFound: NOT_FOUND,
  UnknownAddress: {
    answer: [404, "NOT_FOUND", "The service has no such address"],
    detail: ({ base, endsWithSlash }) =>
      endsWithSlash
        ? "Leave out the slash at its end."
        : `Files are below ${base}/api/v1/orgs/ORGANIZATION/files, and ${base}/openapi.json describes all addresses.`,
    samples: [
      { base: "", endsWithSlash: false },
      { base: "", endsWithSlash: true },
    ],
  },
  LoopbackOnly: {
    answer: [403, "FORBIDDEN", "The service answers this machine only"],
    detail:
      "With AUTH=dev, call the service from its own machine, by a loopback name such as localhost. With AUTH_DEV_EXPOSED=yes, everyone who can reach the service may use it.",
  },
  Internal: {
    answer: [500, "INTERNAL", "The service failed"],
    detail: "Give the request_id to the operator, who finds the cause in the log.",
    members: {
      request_id: Schema.String.annotate({
        format: "uuid",
        description: "Names the request in the log.",
      }),
    },
    values: ({ requestId }) => ({ request_id: requestId }),
    samples: [{ requestId: "3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f" }],
  },
  AnnouncementTooLong: {
    answer: [400, "INVALID_REQUEST", "The names and metadata are too long for the store"],
    detail: ({ actual, limit }) =>
      `Uploads of this policy carry their grant, which has ${actual} bytes; the store takes ${limit}. Send less metadata, or a shorter filename or path.`,
    inBatch: ["metadata", "the store cannot carry so much of it"],
    samples: [{ limit: 2000, actual: 2480 }],
  },
  FileTooLarge: {
    answer: [413, "FILE_TOO_LARGE", "The file is too large"],
    detail: ({ limit, actual, fitsInParts = false }, say) =>
      fitsInParts
        ? `One PUT carries up to ${sizeInWords(limit)}; this file has ${actual} bytes. Send it in parts: start with ${say.operation("startMultipart")}.`
        : `The policy accepts files of up to ${sizeInWords(limit)}; this one has ${actual} bytes. Send a smaller file, or use a policy that accepts it.`,
    members: { limit: bytes, actual: bytes },
    inBatch: ["size", "it is more than the policy or one PUT accepts"],
    samples: [{ limit: 10 * 2 ** 20, actual: 20 * 2 ** 20 }],
  },
  MediaTypeNotAllowed: {
    answer: [415, "UNSUPPORTED_MEDIA_TYPE", "Files of this type are not accepted"],
    detail: ({ actual, allowed, isPublic }) =>
      `This file is ${actual}. The policy accepts ${allowed.join(", ")}${isPublic ? ", and nothing that browsers execute" : ""}.`,
    members: { allowed },
    inBatch: ["contentType", "the policy does not accept it"],
    samples: [{ actual: "text/html", allowed: ["image/png", "image/jpeg"], isPublic: false }],
  },
  UnknownPolicy: {
    answer: [400, "UNKNOWN_POLICY", "There is no such policy"],
    detail: ({ known }) =>
      `You may use these policies: ${known.join(", ") || "none"}. If you leave the member policy out, the policy files applies.`,
    members: { known: textList("The policies that the caller may use.") },
    inBatch: ["policy", "there is no policy of this name"],
    samples: [{ known: ["files"] }],
  },
  PolicyNotAllowed: {
    answer: [403, "FORBIDDEN", "This caller may not use the policy"],
    detail: ({ callers }) =>
      `Only callers of the kind ${callers.join(" or ")} may use it. Use another policy, or send the token of such a caller.`,
    inBatch: ["policy", "this caller may not use it"],
    samples: [{ callers: ["service"] }],
  },
  ChecksumRequired: {
    answer: [400, "INVALID_CHECKSUM", "A checksum is required"],
    detail:
      "The policy asks for it, or the checksum of a whole file in parts. Send the member checksum (checksums for parts) with an algorithm and a value in base64.",
    inBatch: ["checksum", "it is missing"],
  },
  ChecksumNotSupported: {
    answer: [400, "INVALID_CHECKSUM", "The store cannot verify checksums of this algorithm"],
    detail: ({ supported }) =>
      supported.length === 0
        ? "The store verifies no checksums. Leave checksum out."
        : `Use ${supported.join(" or ")}, or leave checksum out.`,
    members: { supported: textList("The algorithms that the store verifies.") },
    inBatch: ["checksum", "the store cannot verify its algorithm"],
    samples: [{ supported: ["crc32c", "md5"] }],
  },
  InvalidReceipt: {
    answer: [400, "INVALID_RECEIPT", "The receipt is invalid or has expired"],
    detail: (_, say) =>
      `Send the receipt exactly as ${say.operation("requestUpload")} answered it, within a day after the upload URL expires. After that, ask to upload the file again.`,
  },
  UploadIncomplete: {
    answer: [409, "UPLOAD_INCOMPLETE", "The file is not in the store"],
    detail: "Finish the upload, then confirm it again.",
  },
  UploadPending: {
    answer: [202, "UPLOAD_PENDING", "The file is not ready yet"],
    detail:
      "Confirm it again after the time that Retry-After gives, until there is another answer.",
    members: {
      state: Schema.Literals(["copying", "scanning"]).annotate({
        description: "What the file waits for, if it is there and not ready.",
      }),
    },
    retryAfter: ({ retryAfter }) => retryAfter,
    samples: [{ state: "copying", retryAfter: 2 }],
  },
  UploadMismatch: {
    answer: [409, "UPLOAD_MISMATCH", "The stored file differs from what was granted"],
    detail: ({ differences }, say) =>
      otherContent(differences) ??
      `These differ: ${differences.map((each) => spelled(each, say).property).join(", ")}. ${whatToDo(differences, say)}`,
    members: { differences: Schema.Array(UploadDifference).annotate({ minItems: 1 }) },
    values: ({ differences }, say) => ({
      differences: differences.map((each) => spelled(each, say)),
    }),
    samples: [
      {
        differences: [
          { property: "size", expected: 5, actual: 6 },
          { property: "contentType", expected: "image/png", actual: "image/gif" },
        ],
      },
    ],
  },
  UploadRefusedByScan: {
    answer: [409, "UPLOAD_REFUSED_BY_SCAN", "The scan did not find the file to be clean"],
    detail: "It is infected, or could not be scanned. Upload another file.",
    samples: [{ finding: "Eicar-Test-Signature" }],
  },
  InvalidUpload: {
    answer: [400, "INVALID_UPLOAD", "The upload is invalid, or has ended"],
    detail: (_, say) =>
      `Send upload exactly as ${say.operation("startMultipart")} answered it, within a day. An upload that was completed or aborted cannot be continued; start a new one.`,
  },
  InvalidGrant: {
    answer: [400, "INVALID_GRANT", "The grant is invalid or has expired"],
    detail: (_, say) =>
      `Send the grant exactly as ${say.operation("credentials")} answered it, or next of the last answer, within a day after the credentials expire.`,
  },
  CredentialsNotSupported: {
    answer: [400, "INVALID_REQUEST", "The policy gives out no credentials"],
    detail: "Use a policy with credentials, or ask for the URL of each file.",
  },
  ObjectRefused: {
    answer: ({ fault }) => OBJECT_FAULTS[fault].answer,
    detail: ({ fault }, say) =>
      OBJECT_FAULTS[fault].detail.replace("maxBytes", say.member("maxBytes")),
    samples: [
      { fault: "name" },
      { fault: "empty" },
      { fault: "late" },
      { fault: "bytes" },
      { fault: "removed" },
    ],
  },
  MultipartNotSupported: {
    answer: [400, "INVALID_REQUEST", "Uploads in parts are not supported with this store"],
    detail: (_, say) =>
      `Upload the file with one PUT: ask for it with ${say.operation("requestUpload")}.`,
  },
  PartOutOfRange: {
    answer: [400, "INVALID_REQUEST", "The upload has no such part"],
    detail: ({ partNumber, partCount }) =>
      `There is no part ${partNumber}: the upload has ${count(partCount, "part")}, numbered from 1. Name only those.`,
    samples: [{ partNumber: 4, partCount: 3 }],
  },
  PartsMissing: {
    answer: [409, "UPLOAD_INCOMPLETE", "Parts of the file are missing"],
    detail: ({ missing }) =>
      `These parts are not in the store, or were not named: ${missing.join(", ")}. Upload those that are not there, then complete the upload with all its parts.`,
    members: {
      missing: Schema.Array(PartNumber).annotate({
        description: "Numbers of parts, up to 100 of them.",
        minItems: 1,
        maxItems: 100,
      }),
    },
    samples: [{ missing: [2, 3] }],
  },
  LinksNotAllowed: {
    answer: [403, "FORBIDDEN", "The policy of the file does not allow links"],
    detail: (_, say) =>
      `Open the file by its ${say.member("fileUrl")}, or upload it under a policy that has ${say.member("linkLifetime")}.`,
  },
  LinkTooLong: {
    answer: [400, "INVALID_REQUEST", "The lifetime of the link is too long"],
    detail: ({ limit }, say) =>
      `The policy of the file allows links for up to ${count(limit, "second")}. Send a smaller ${say.member("expiresIn")}, or leave it out.`,
    members: { errors },
    values: ({ limit }, say) => ({
      errors: [{ pointer: `/${say.member("expiresIn")}`, reason: `it is more than ${limit}` }],
    }),
    samples: [{ limit: 3600 }],
  },
  WidthNotAllowed: {
    answer: [400, "INVALID_REQUEST", "The file is not shown in this width"],
    detail: ({ widths }) =>
      widths.length === 0
        ? "No policy of this file has images. Leave width out."
        : `Its policies name ${widths.join(", ")}. Ask for one of these, or leave width out.`,
    members: {
      widths: Schema.Array(Schema.Natural).annotate({ description: "Those that it has." }),
    },
    samples: [{ widths: [64, 320, 1280] }],
  },
  LinkNotFound: {
    answer: [404, "NOT_FOUND", "The link does not work"],
    detail:
      "The link is incomplete, has expired or was revoked. Ask whoever sent it for a new one.",
  },
  ScopeMissing: {
    answer: [403, "FORBIDDEN", "The caller lacks a scope"],
    detail: ({ scope, own }) =>
      `This request needs the scope ${scope}${own ? `, or ${own} for files in the caller's own folder (listed with mine=true)` : ""}. Ask whoever issues the tokens for it.`,
    members: {
      scope: Scope.annotate({ description: "What the caller lacks." }),
      own: Schema.optionalKey(
        Scope.annotate({ description: "What suffices for files in the caller's own folder." }),
      ),
    },
    values: ({ scope, own }) => ({ scope, ...(own && { own }) }),
    samples: [{ scope: "write" }, { scope: "list", own: "mine" }],
  },
  CookiesNotSupported: {
    answer: [400, "INVALID_REQUEST", "There are no cookies for files here"],
    detail: (_, say) =>
      `No CDN with signatures serves the files. Open each by its ${say.member("fileUrl")}.`,
  },
  UsageNotCounted: {
    answer: [400, "INVALID_REQUEST", "The service does not count what is stored"],
    detail: "Ask the operator to switch the count on, by USAGE or a limit of stored bytes.",
  },
  NoOwnFolder: {
    answer: [400, "INVALID_REQUEST", "There is no folder of the caller's own"],
    detail: ({ prefixes: [first, ...others] }) =>
      first === undefined
        ? "No policy keeps each caller's files apart. Leave mine out, or ask the operator for a policy whose key has {subject}."
        : `With mine=true, ${[first, ...others].map((prefix) => (prefix === "" ? "leave prefix out" : `send prefix=${prefix}`)).join(" or ")}.`,
    samples: [{ prefixes: [] }, { prefixes: ["", "public"] }],
  },
  RateLimited: {
    answer: [429, "RATE_LIMITED", "Too many requests"],
    detail: ({ allowance: { of, limit }, retryAfter }) =>
      `${WHO_MAY[of]} ${count(limit.count, "request")} in ${count(Duration.toSeconds(limit.window), "second")}. Try again in ${count(retryAfter, "second")}.`,
    retryAfter: ({ retryAfter }) => retryAfter,
    headers: ({ allowance }) => rateLimitHeaders([allowance]),
    samples: [
      {
        allowance: {
          of: "subject",
          limit: { count: 120, window: Duration.minutes(1) },
          remaining: 0,
          resetAfter: 60,
        },
        retryAfter: 1,
      },
    ],
  },
  QuotaExceeded: {
    answer: ({ caller }) => {
      const whose = caller === undefined ? "" : " of the caller";
      return [429, "QUOTA_EXCEEDED", `Daily quota${whose} exceeded`] as const;
    },
    detail: ({ caller, bytes = caller, objects, retryAfter }) => {
      const quota = [
        ...(objects === undefined ? [] : [count(objects, "upload")]),
        ...(bytes === undefined ? [] : [sizeInWords(bytes)]),
      ];
      return `${caller === undefined ? "An organization" : "One caller"} may be granted up to ${quota.join(" and ")} in a day. The next day (UTC) begins in ${count(retryAfter, "second")}.`;
    },
    members: {
      limits: Schema.Struct({ bytes: quota, objects: quota, caller: quota }).annotate({
        identifier: "Quota",
        description:
          "What one organization may be granted in a day (UTC); `caller` is how many bytes one caller may be granted in it.",
      }),
    },
    values: (facts) => ({ limits: Struct.pick(facts, ["bytes", "objects", "caller"]) }),
    retryAfter: ({ retryAfter }) => retryAfter,
    samples: [
      { bytes: 50 * 2 ** 30, objects: 10_000, retryAfter: 3600 },
      { caller: 5 * 2 ** 30, retryAfter: 3600 },
    ],
  },
  StorageFull: {
    answer: ({ isSubject }) => {
      const whose = isSubject === true ? "folder of the caller" : "organization";
      return [507, "STORAGE_FULL", `The ${whose} is full`] as const;
    },
    detail: ({ used, granted, limit }) =>
      `${sizeInWords(used)} are stored and ${sizeInWords(granted)} granted, of ${sizeInWords(limit)}. Remove files first; waiting does not help.`,
    members: {
      used: bytes.annotate({ description: "Stored bytes." }),
      granted: bytes.annotate({ description: "Bytes of uploads that may still be confirmed." }),
      limit: bytes.annotate({ description: "The most of both, in bytes." }),
    },
    samples: [
      { used: 99 * 2 ** 30, granted: 2 ** 30, limit: 100 * 2 ** 30 },
      { used: 2 ** 30, granted: 0, limit: 2 ** 30, isSubject: true },
    ],
  },
  TooManyOpenUploads: {
    answer: [429, "TOO_MANY_OPEN_UPLOADS", "Too many uploads are open at once"],
    detail: ({ open, limit, isSubject, retryAfter }) => {
      const who = isSubject === true ? "One caller" : "An organization";
      const rule = `${who} may have ${count(limit, "upload")} open at once`;
      return retryAfter === undefined
        ? `${rule}. Ask for fewer together.`
        : `${rule}, and has ${open}. Confirm or abort one first; the URLs of enough end in ${count(retryAfter, "second")}.`;
    },
    members: {
      open: Schema.Natural.annotate({
        description: "Uploads that are not confirmed, and whose URLs have not ended.",
      }),
      limit: Schema.Natural.annotate({ description: "The most of them." }),
    },
    retryAfter: ({ retryAfter }) => retryAfter,
    samples: [
      { open: 5, limit: 5, isSubject: true, retryAfter: 840 },
      { open: 0, limit: 5 },
    ],
  },
  OrganizationNotFound: NOT_FOUND,
  Unauthenticated: {
    answer: [401, "UNAUTHENTICATED", "The caller is not authenticated"],
    detail: ({ by }) => SIGN_IN[by],
    // Amazon SNS sends the password in an address only after a 401 with a challenge.
    headers: ({ by }) => ({
      "WWW-Authenticate": `${by === "secret" ? "Basic" : "Bearer"} realm="valetkey"`,
    }),
    samples: [{ by: "token" }, { by: "proxy" }],
  },
  IdentityUnavailable: unavailable(
    "IDENTITY_UNAVAILABLE",
    "The service cannot check the caller or the organization at the moment",
    "cannot check the caller or the organization",
  ),
  LimitsUnavailable: unavailable(
    "LIMITS_UNAVAILABLE",
    "The service cannot count requests at the moment",
    "cannot count requests",
  ),
  ScannerUnavailable: unavailable(
    "SCANNER_UNAVAILABLE",
    "The file cannot be scanned at the moment",
    "the scanner is unavailable",
  ),
  EventsUnavailable: unavailable(
    "EVENTS_UNAVAILABLE",
    "The service cannot notify its backend at the moment",
    "the queue of events is unavailable",
  ),
  CredentialsUnavailable: unavailable(
    "CREDENTIALS_UNAVAILABLE",
    "The service cannot sign at the moment",
    "cannot sign",
  ),
  StoreUnavailable: {
    ...unavailable("STORE_UNAVAILABLE", "The store is unavailable", "the store is unavailable"),
    retryAfter: ({ retryAfter = 5 }) => Math.max(1, Math.ceil(retryAfter)),
    samples: [{ reason: "for the operator", kind: "unreachable" }],
  },
} as const satisfies {
  readonly [T in Exclude<Tag, "UploadRefused">]: RowOf<T>;
};

function invalid(code: requests.InvalidMember["code"], member: string, fault: string) {
  return { code, errors: [{ pointer: `/${member}`, reason: `Cannot parse ${fault}` }] } as const;
}

const spelled = ({ property, ...values }: UploadDifference, say: Language): UploadDifference => ({
  property: property === "contentType" ? say.member(property) : property,
  ...values,
});

/** Content is compared only where nothing else differs. */
function otherContent(differences: ReadonlyArray<UploadDifference>): string | undefined {
  const { expected, actual } = differences.find(({ property }) => property === "content") ?? {};
  if (actual === undefined) return undefined;
  const [granted, found] = [expected, actual].map((type) => typeInWords(`${type}`));
  return actual === "unknown"
    ? `The content is not ${granted}, or is damaged. Choose another file.`
    : `The content is ${found}, not ${granted}. Choose another file, or upload this one under its own type.`;
}

function whatToDo(
  differences: ReadonlyArray<{ readonly property: string }>,
  say: Language,
): string {
  const areAll = (kind: RegExp) => differences.every(({ property }) => kind.test(property));
  if (areAll(/^parts\/\d+\/etag$/)) {
    return `A part was sent again: complete the upload with the ETags of ${say.operation("listParts")}, or send these parts again.`;
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

const count = (number: number, unit: string) => `${number} ${unit}${number === 1 ? "" : "s"}`;

/** Writes the limits on requests: draft-ietf-httpapi-ratelimit-headers, sections 3 and 4. */
export function rateLimitHeaders(allowances: ReadonlyArray<Allowance>) {
  const policies = allowances.map(
    ({ of, limit }) => `"${of}";q=${limit.count};w=${Duration.toSeconds(limit.window)}`,
  );
  const left = allowances.map(
    ({ of, remaining, resetAfter }) => `"${of}";r=${remaining};t=${resetAfter}`,
  );
  return { "RateLimit-Policy": policies.join(", "), RateLimit: left.join(", ") };
}
