import { isError } from "../settings/thrown.ts";

/** A member of what was asked for that cannot be accepted. */
export interface MemberFault {
  /** JSON Pointer (RFC 6901) to the member, such as `/contentType`. */
  readonly pointer: string;
  /** Completes a sentence about it, and never shows its value. */
  readonly reason: string;
}

/**
 * Why a call was refused, told apart by `code`. The codes and their facts are those of the problem
 * documents that `fetch` answers with. `message` may be shown to whoever asked; why a part of the
 * service is unavailable stands in `cause`, for the operator.
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
        /** The algorithms that the store verifies, where it does not verify this one. */
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
  /** In how many seconds it may be tried again. */
  readonly retryAfter: number;
}

type Refused<Code extends string, Status extends number, Facts = unknown> = Error & {
  readonly name: "ValetkeyError";
  readonly code: Code;
  /** The status that HTTP has for it. */
  readonly status: Status;
} & Facts;

/** Whether a call was refused, rather than that something broke. */
export const isValetkeyError = (error: unknown): error is ValetkeyError =>
  isError(error) && error.name === "ValetkeyError" && "code" in error;
