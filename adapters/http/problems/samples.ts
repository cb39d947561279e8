import * as Duration from "effect/Duration";
import * as rules from "../../../domain/errors.ts";
import type { Refusal } from "./problem.ts";
import * as refusals from "./refusals.ts";

const size = { pointer: "/size", reason: "it is missing" };
const limit = 16 * 1024;
const rate = { count: 120, window: Duration.minutes(1) };
const allowance = { of: "subject", limit: rate, remaining: 0, resetAfter: 60 } as const;
const differences = [
  { property: "size", expected: 5, actual: 6 },
  { property: "contentType", expected: "image/png", actual: "image/gif" },
];
const reason = "for the operator";

const UPLOAD_SAMPLES = {
  AnnouncementTooLong: [new rules.AnnouncementTooLong({ limit: 2000, actual: 2480 })],
  FileTooLarge: [new rules.FileTooLarge({ limit: 10 * 2 ** 20, actual: 20 * 2 ** 20 })],
  MediaTypeNotAllowed: [
    new rules.MediaTypeNotAllowed({ actual: "text/html", allowed: ["image/png", "image/jpeg"] }),
  ],
  UnknownPolicy: [new rules.UnknownPolicy({ known: ["files"] })],
  PolicyNotAllowed: [new rules.PolicyNotAllowed({ callers: ["service"] })],
  ChecksumRequired: [new rules.ChecksumRequired()],
  ChecksumNotSupported: [new rules.ChecksumNotSupported({ supported: ["crc32c", "md5"] })],
} as const;

/**
 * At least one example of each refusal, with all members that it can have. They describe the
 * refusals in the document. A new refusal does not compile until it has an example here.
 */
export const SAMPLES: {
  readonly [Tag in Refusal["_tag"]]: ReadonlyArray<Extract<Refusal, { readonly _tag: Tag }>>;
} = {
  InvalidBody: [new refusals.InvalidBody({ faults: [size] })],
  InvalidMember: [
    member("INVALID_FILE_NAME", "/filename", "Cannot parse file name: it is empty"),
    member(
      "INVALID_CONTENT_TYPE",
      "/content_type",
      "Cannot parse media type: it is not of the form type/subtype",
    ),
    member(
      "INVALID_SIZE",
      "/size",
      "Cannot parse size: it is not a whole number of bytes from 1 to 9007199254740991",
    ),
    member("INVALID_CHECKSUM", "/checksum", "Cannot parse checksum: it is not 32 bytes in base64"),
  ],
  BodyNotJson: [new refusals.BodyNotJson()],
  BodyEncoded: [new refusals.BodyEncoded()],
  BodyTooLarge: [new refusals.BodyTooLarge({ limit })],
  MalformedRequest: [new refusals.MalformedRequest()],
  HeadersTooLarge: [new refusals.HeadersTooLarge({ limit })],
  RequestTimeout: [new refusals.RequestTimeout({ seconds: 10 })],
  ExpectationFailed: [new refusals.ExpectationFailed()],
  Overloaded: [new refusals.Overloaded()],
  MethodNotAllowed: [new refusals.MethodNotAllowed({ allow: "GET" })],
  NotFound: [new refusals.NotFound()],
  LoopbackOnly: [new refusals.LoopbackOnly()],
  ...UPLOAD_SAMPLES,
  UploadRefused: Object.values(UPLOAD_SAMPLES).map(
    ([refusal]) => new rules.UploadRefused({ index: 3, refusal }),
  ),
  InvalidReceipt: [new rules.InvalidReceipt()],
  UploadIncomplete: [new rules.UploadIncomplete()],
  UploadPending: [new rules.UploadPending({ state: "copying", retryAfter: 2 })],
  UploadMismatch: [new rules.UploadMismatch({ differences })],
  UploadRefusedByScan: [new rules.UploadRefusedByScan({ finding: "Eicar-Test-Signature" })],
  InvalidUpload: [new rules.InvalidUpload()],
  MultipartNotSupported: [new rules.MultipartNotSupported()],
  PartOutOfRange: [new rules.PartOutOfRange({ partNumber: 4, partCount: 3 })],
  PartsMissing: [new rules.PartsMissing({ missing: [2, 3] })],
  LinksNotAllowed: [new rules.LinksNotAllowed()],
  LinkTooLong: [new rules.LinkTooLong({ limit: 3600 })],
  LinkNotFound: [new rules.LinkNotFound()],
  ScopeMissing: [new rules.ScopeMissing({ scope: "write" })],
  RateLimited: [new rules.RateLimited({ allowance, retryAfter: 1 })],
  QuotaExceeded: [
    new rules.QuotaExceeded({ bytes: 50 * 2 ** 30, objects: 10_000, retryAfter: 3600 }),
    new rules.QuotaExceeded({ caller: 5 * 2 ** 30, retryAfter: 3600 }),
  ],
  OrganizationNotFound: [new rules.OrganizationNotFound()],
  Unauthenticated: [
    new rules.Unauthenticated({ by: "token" }),
    new rules.Unauthenticated({ by: "proxy" }),
  ],
  IdentityUnavailable: [new rules.IdentityUnavailable({ reason })],
  LimitsUnavailable: [new rules.LimitsUnavailable({ reason })],
  ScannerUnavailable: [new rules.ScannerUnavailable({ reason })],
  EventsUnavailable: [new rules.EventsUnavailable({ reason })],
  CredentialsUnavailable: [new rules.CredentialsUnavailable({ reason })],
  StoreUnavailable: [new rules.StoreUnavailable({ reason, kind: "unreachable" })],
};

function member(code: refusals.InvalidMember["code"], pointer: string, reason: string) {
  return new refusals.InvalidMember({ code, fault: { pointer, reason } });
}
