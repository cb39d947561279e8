import * as Data from "effect/Data";
import type { Allowance } from "./limits.ts";
import type { UploadDifference } from "./upload-difference.ts";

// Every error of the domain and the application. A `reason` is for the operator: it says what to do
// if that is known, is never shown to callers, and contains no secret.

/** The upload is larger than the policy, or one PUT, allows; both sizes in bytes. */
export class FileTooLarge extends Data.TaggedError("FileTooLarge")<{
  readonly limit: number;
  readonly actual: number;
  /** True if only the size of a PUT is the limit: in parts, the policy allows the file. */
  readonly fitsInParts?: boolean;
}> {}

/** The policy does not allow files of this type; `allowed` lists the types that it allows. */
export class MediaTypeNotAllowed extends Data.TaggedError("MediaTypeNotAllowed")<{
  readonly actual: string;
  readonly allowed: ReadonlyArray<string>;
  /** True if the policy accepts no type that browsers execute. */
  readonly isPublic: boolean;
}> {}

/** There is no policy of this name; `known` lists those that the caller may use. */
export class UnknownPolicy extends Data.TaggedError("UnknownPolicy")<{
  readonly known: ReadonlyArray<string>;
}> {}

/** The policy is for other kinds of callers, listed in `callers`. */
export class PolicyNotAllowed extends Data.TaggedError("PolicyNotAllowed")<{
  readonly callers: ReadonlyArray<string>;
}> {}

/** The request lacks a checksum that the policy, or that of a whole file in parts, requires. */
export class ChecksumRequired extends Data.TaggedError("ChecksumRequired") {}

/** The store cannot verify checksums of this algorithm; `supported` lists those that it can. */
export class ChecksumNotSupported extends Data.TaggedError("ChecksumNotSupported")<{
  readonly supported: ReadonlyArray<string>;
}> {}

/** The store cannot carry the sealed grant with the object. In bytes. */
export class AnnouncementTooLong extends Data.TaggedError("AnnouncementTooLong")<{
  readonly limit: number;
  readonly actual: number;
}> {}

export type UploadRefusal =
  | AnnouncementTooLong
  | UnknownPolicy
  | PolicyNotAllowed
  | FileTooLarge
  | MediaTypeNotAllowed
  | ChecksumRequired
  | ChecksumNotSupported;

/** Refuses a whole batch; `index` counts from 0. */
export class UploadRefused extends Data.TaggedError("UploadRefused")<{
  readonly index: number;
  readonly refusal: UploadRefusal;
}> {}

/** The receipt was not made by this service, or has expired. */
export class InvalidReceipt extends Data.TaggedError("InvalidReceipt") {}

/** The file is not in the store, or not yet. */
export class UploadIncomplete extends Data.TaggedError("UploadIncomplete") {}

/** The file has arrived, and its copy or scan takes longer than a request may. */
export class UploadPending extends Data.TaggedError("UploadPending")<{
  readonly state: "copying" | "scanning";
  /** In seconds. */
  readonly retryAfter: number;
}> {}

/** The object in the store differs from the grant. */
export class UploadMismatch extends Data.TaggedError("UploadMismatch")<{
  readonly differences: ReadonlyArray<UploadDifference>;
}> {}

/** The scan found something in the upload, or could not scan it: `finding` names what or why. */
export class UploadRefusedByScan extends Data.TaggedError("UploadRefusedByScan")<{
  readonly finding: string;
}> {}

/** The upload token was not made by this service, or the upload has ended. */
export class InvalidUpload extends Data.TaggedError("InvalidUpload") {}

/** The grant of credentials was not made by this service, or can no longer be completed. */
export class InvalidGrant extends Data.TaggedError("InvalidGrant") {}

/** The policy gives out no credentials. */
export class CredentialsNotSupported extends Data.TaggedError("CredentialsNotSupported") {}

/** An object that came with temporary credentials becomes no file. */
export class ObjectRefused extends Data.TaggedError("ObjectRefused")<{
  /**
   * `name`: it cannot be a path of a file. `empty`: it has no bytes. `late`: it was stored or
   * changed after completing began. `bytes`: together there are more than were granted. `removed`:
   * its file was removed meanwhile.
   */
  readonly fault: "name" | "empty" | "late" | "bytes" | "removed";
}> {}

/** The reason why one of several objects becomes no file. */
export type FileRefusal =
  | ObjectRefused
  | PolicyNotAllowed
  | FileTooLarge
  | MediaTypeNotAllowed
  | ChecksumRequired
  | UploadMismatch
  | UploadRefusedByScan;

export class MultipartNotSupported extends Data.TaggedError("MultipartNotSupported") {}

export class PartOutOfRange extends Data.TaggedError("PartOutOfRange")<{
  readonly partNumber: number;
  readonly partCount: number;
}> {}

/** Parts that are not in the store, or that the client did not name; up to 100 of them. */
export class PartsMissing extends Data.TaggedError("PartsMissing")<{
  readonly missing: ReadonlyArray<number>;
}> {}

export class LinksNotAllowed extends Data.TaggedError("LinksNotAllowed") {}

/** In seconds. */
export class LinkTooLong extends Data.TaggedError("LinkTooLong")<{ readonly limit: number }> {}

/** The file's policies name no such width of pictures; `widths` lists theirs, in pixels. */
export class WidthNotAllowed extends Data.TaggedError("WidthNotAllowed")<{
  readonly widths: ReadonlyArray<number>;
}> {}

/** The link was not made by this service, has expired, or was revoked. */
export class LinkNotFound extends Data.TaggedError("LinkNotFound") {}

/** The request has no valid proof of who sent it. */
export class Unauthenticated extends Data.TaggedError("Unauthenticated")<{
  /** The part without proof: a token, a proxy, the host application, or the store's secret. */
  readonly by: "token" | "proxy" | "host" | "secret";
}> {}

/**
 * There is no such organization, or it is not the caller's, who cannot tell which. Also for a file
 * or receipt of another organization.
 */
export class OrganizationNotFound extends Data.TaggedError("OrganizationNotFound") {}

/** The caller belongs to the organization, but lacks this scope; `own` suffices for its own files. */
export class ScopeMissing extends Data.TaggedError("ScopeMissing")<{
  readonly scope: string;
  readonly own?: string | undefined;
}> {}

/** No CDN of this service takes signed cookies. */
export class CookiesNotSupported extends Data.TaggedError("CookiesNotSupported") {}

/** This service does not count what is stored. */
export class UsageNotCounted extends Data.TaggedError("UsageNotCounted") {}

/** No policy keeps the files of each caller below such a prefix; `prefixes` lists those that do. */
export class NoOwnFolder extends Data.TaggedError("NoOwnFolder")<{
  readonly prefixes: ReadonlyArray<string>;
}> {}

/** More requests than a limit allows; `retryAfter` in seconds. */
export class RateLimited extends Data.TaggedError("RateLimited")<{
  readonly allowance: Allowance;
  readonly retryAfter: number;
}> {}

/**
 * More than an organization, or one caller there (`caller`), may be granted in a day; `retryAfter`
 * in seconds.
 */
export class QuotaExceeded extends Data.TaggedError("QuotaExceeded")<{
  readonly bytes?: number;
  readonly objects?: number;
  readonly caller?: number;
  readonly retryAfter: number;
}> {}

/**
 * More bytes than an organization, or one person there (`isSubject`), may have: stored ones, and
 * those that are granted and not yet confirmed.
 */
export class StorageFull extends Data.TaggedError("StorageFull")<{
  readonly used: number;
  readonly granted: number;
  readonly limit: number;
  readonly isSubject?: boolean;
}> {}

/**
 * More uploads at once than an organization, or one caller there (`isSubject`), may have open;
 * `retryAfter`, in seconds, is the end of enough of them, and left out if they would never fit.
 */
export class TooManyOpenUploads extends Data.TaggedError("TooManyOpenUploads")<{
  readonly open: number;
  readonly limit: number;
  readonly isSubject?: boolean;
  readonly retryAfter?: number;
}> {}

/** The service that knows callers, or their organizations, does not answer. */
export class IdentityUnavailable extends Data.TaggedError("IdentityUnavailable")<{
  readonly reason: string;
}> {}

/** The counter of the limits does not answer. */
export class LimitsUnavailable extends Data.TaggedError("LimitsUnavailable")<{
  readonly reason: string;
}> {}

/** The store failed a call, or cannot be reached. */
export class StoreUnavailable extends Data.TaggedError("StoreUnavailable")<{
  readonly reason: string;
  /**
   * `refused`: it answered with an error. `senseless`: its answer is not one of an object store.
   * `shed`: it was not called, to spare it or the service.
   */
  readonly kind: "unreachable" | "timeout" | "refused" | "senseless" | "shed";
  /** True if the same call may soon succeed, although the store refused it. */
  readonly isTemporary?: boolean;
  /** Seconds after which to call again, if known. */
  readonly retryAfter?: number | undefined;
}> {}

/** The scanner cannot be reached, or its answer is not one of a scanner. */
export class ScannerUnavailable extends Data.TaggedError("ScannerUnavailable")<{
  readonly reason: string;
}> {}

/** No credentials with enough remaining lifetime. */
export class CredentialsUnavailable extends Data.TaggedError("CredentialsUnavailable")<{
  readonly reason: string;
  /** True if only another configuration helps. */
  readonly isFinal?: boolean;
}> {}

/** The object cannot be read or completed, because of what the client did to it by `header`. */
export class ObjectUnreadable extends Data.TaggedError("ObjectUnreadable")<{
  readonly header: string;
}> {}

/** The queue of events cannot be reached, or is full. */
export class EventsUnavailable extends Data.TaggedError("EventsUnavailable")<{
  readonly reason: string;
}> {}
