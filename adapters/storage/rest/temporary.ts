import { StoreUnavailable } from "../../../domain/errors.ts";

/** Longest pause in seconds; a store that requires more is called again after that. */
const LONGEST_PAUSE = 300;

/** Returns the failure of an answer after which the same request may succeed; else none. */
export function temporaryFailure(answer: {
  readonly status?: number | undefined;
  readonly code?: string | undefined;
  readonly retryAfter?: string | null | undefined;
}): StoreUnavailable | undefined {
  const { status = 0, code = "without a code", retryAfter } = answer;
  if (!STATUSES.has(status) && !CODES.has(code)) return undefined;
  // A date is ignored, since the store's clock may differ.
  const isSeconds = /^\d{1,9}$/.test(retryAfter ?? "");
  return new StoreUnavailable({
    kind: "refused",
    reason: `the store is in trouble: it answered ${status} ${code}`,
    isTemporary: true,
    retryAfter: isSeconds ? Math.min(Number(retryAfter), LONGEST_PAUSE) : undefined,
  });
}

/** Returns the code of an error; undefined in an answer without one. */
export const codeIn = (text: string): string | undefined =>
  /<Code>(\w{1,64})<\/Code>/.exec(text)?.[1];

// "Error responses", Amazon S3 API Reference. A long call may be answered with 200 and a code.
const STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const CODES = new Set(["InternalError", "OperationAborted", "RequestTimeout", "SlowDown"]);
