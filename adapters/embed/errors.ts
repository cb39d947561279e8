import { isError } from "../settings/thrown.ts";

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
export type ValetkeyError =
  | Refused<"INVALID_REQUEST", 400, { readonly errors?: ReadonlyArray<MemberFault> }>
  | Refused<
      "INVALID_FILE_NAME" | "INVALID_CONTENT_TYPE" | "INVALID_SIZE",
      400,
      { readonly errors: ReadonlyArray<MemberFault> }
    >
  | Refused<
      "INVALID_CHECKSUM",
      400,
      {
        readonly errors?: ReadonlyArray<MemberFault>;
        /** The algorithms that the store verifies, if it does not verify this one. */
        readonly supported?: ReadonlyArray<string>;
      }
    >
  | Refused<"INVALID_RECEIPT", 400>
  | Refused<
      "UNKNOWN_POLICY",
      400,
      { /** Those that the caller may use. */ readonly known: ReadonlyArray<string> }
    >
  | Refused<
      "FORBIDDEN",
      403,
      { /** What the caller lacks, where it is a scope. */ readonly scope?: string }
    >
  | Refused<"NOT_FOUND", 404>
  | Refused<"UPLOAD_INCOMPLETE", 409>
  | Refused<
      "UPLOAD_MISMATCH",
      409,
      {
        readonly differences: ReadonlyArray<{
          readonly property: string;
          readonly expected: string | number;
          readonly actual: string | number;
        }>;
      }
    >
  | Refused<
      "FILE_TOO_LARGE",
      413,
      { /** In bytes. */ readonly limit: number; readonly actual: number }
    >
  | Refused<"UNSUPPORTED_MEDIA_TYPE", 415, { readonly allowed: ReadonlyArray<string> }>
  | Refused<"IDEMPOTENCY_CONFLICT", 422>
  | Refused<"RATE_LIMITED", 429, Later>
  | Refused<
      "QUOTA_EXCEEDED",
      429,
      Later & { readonly limits: { readonly bytes?: number; readonly objects?: number } }
    >
  | Refused<
      | "STORE_UNAVAILABLE"
      | "CREDENTIALS_UNAVAILABLE"
      | "IDENTITY_UNAVAILABLE"
      | "LIMITS_UNAVAILABLE",
      503,
      Later
    >;

interface Later {
  /** Seconds until the call may be retried. */
  readonly retryAfter: number;
}

type Refused<Code extends string, Status extends number, Facts = unknown> = Error & {
  readonly name: "ValetkeyError";
  readonly code: Code;
  /** The HTTP status for it. */
  readonly status: Status;
} & Facts;

/** Whether the error is a refusal, rather than a failure. */
export const isValetkeyError = (error: unknown): error is ValetkeyError =>
  isError(error) && error.name === "ValetkeyError" && "code" in error;
