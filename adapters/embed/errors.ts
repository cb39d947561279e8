import { isError } from "../values/thrown.ts";

/** A member of the call's options that is invalid. */
export interface MemberFault {
  /** JSON Pointer (RFC 6901) to the member, such as `/contentType`. */
  readonly pointer: string;
  /** Completes a sentence about it, and never shows its value. */
  readonly reason: string;
}

/**
 * Why a call was refused; switch on `code`. The codes and their facts are those of the problem
 * documents that `fetch` answers. `message` may be shown to the caller; if a part of the service is
 * unavailable, `cause` has the reason for the operator.
 */
export type ValetkeyError = {
  [Code in keyof Refusals]: Error & {
    readonly name: "ValetkeyError";
    readonly code: Code;
  } & Refusals[Code];
}[keyof Refusals];

/** The HTTP status and the facts of each code. */
interface Refusals {
  INVALID_REQUEST: Status<400> & Partial<Faults>;
  INVALID_FILE_NAME: Status<400> & Faults;
  INVALID_CONTENT_TYPE: Status<400> & Faults;
  INVALID_SIZE: Status<400> & Faults;
  INVALID_CHECKSUM: OfUpload<400> & {
    /** The algorithms that the store verifies, if it does not verify this one. */
    readonly supported?: ReadonlyArray<string>;
  };
  INVALID_RECEIPT: Status<400>;
  INVALID_UPLOAD: Status<400>;
  UNKNOWN_POLICY: OfUpload<400> & {
    /** Those that the caller may use. */
    readonly known: ReadonlyArray<string>;
  };
  FORBIDDEN: OfUpload<403> & {
    /** The scope that the caller lacks, if it is one. */
    readonly scope?: string;
  };
  NOT_FOUND: Status<404>;
  UPLOAD_PENDING: Later<202> & { readonly state: "copying" | "scanning" };
  UPLOAD_INCOMPLETE: Status<409> & {
    /** Numbers of up to 100 parts, of an upload in parts. */
    readonly missing?: ReadonlyArray<number>;
  };
  UPLOAD_MISMATCH: Status<409> & {
    readonly differences: ReadonlyArray<{
      readonly property: string;
      readonly expected: string | number;
      readonly actual: string | number;
    }>;
  };
  UPLOAD_REFUSED_BY_SCAN: Status<409>;
  /** In bytes. */
  FILE_TOO_LARGE: OfUpload<413> & { readonly limit: number; readonly actual: number };
  UNSUPPORTED_MEDIA_TYPE: OfUpload<415> & { readonly allowed: ReadonlyArray<string> };
  RATE_LIMITED: Later<429>;
  QUOTA_EXCEEDED: Later<429> & {
    /** A day's bytes and uploads, or the caller's bytes. */
    readonly limits: {
      readonly bytes?: number;
      readonly objects?: number;
      readonly caller?: number;
    };
  };
  STORE_UNAVAILABLE: Later<503>;
  SCANNER_UNAVAILABLE: Later<503>;
  EVENTS_UNAVAILABLE: Later<503>;
  CREDENTIALS_UNAVAILABLE: Later<503>;
  IDENTITY_UNAVAILABLE: Later<503>;
  LIMITS_UNAVAILABLE: Later<503>;
}

interface Status<Code extends number> {
  /** The HTTP status for it. */
  readonly status: Code;
}

interface Faults {
  readonly errors: ReadonlyArray<MemberFault>;
}

/** The codes that refuse one file of several, which `errors` then names. */
type OfUpload<Code extends number> = Status<Code> & Partial<Faults>;

interface Later<Code extends number> extends Status<Code> {
  /** Seconds until the call may be retried. */
  readonly retryAfter: number;
}

/** True if the error is a refusal, rather than a failure. */
export const isValetkeyError = (error: unknown): error is ValetkeyError =>
  isError(error) && error.name === "ValetkeyError" && "code" in error;
