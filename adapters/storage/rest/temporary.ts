import { StoreUnavailable } from "../../../domain/errors.ts";

/** In seconds; a store that asks for more is called again after that. */
const LONGEST_PAUSE = 300;

/** The failure of an answer after which the same request may soon succeed; none for all others. */
export function temporaryFailure(answer: {
  readonly status?: number | undefined;
  readonly code?: string | undefined;
  readonly retryAfter?: string | null | undefined;
}): StoreUnavailable | undefined {
  const { status = 0, code = "without a code", retryAfter } = answer;
  if (!STATUSES.has(status) && !CODES.has(code)) return undefined;
  // A date is left out, since the store's clock may be another.
  const isSeconds = /^\d{1,9}$/.test(retryAfter ?? "");
  return new StoreUnavailable({
    kind: "refused",
    reason: `the store is in trouble: it answered ${status} ${code}`,
    isTemporary: true,
    retryAfter: isSeconds ? Math.min(Number(retryAfter), LONGEST_PAUSE) : undefined,
  });
}

/** The code of an error; undefined in an answer that has none. */
export const codeIn = (text: string): string | undefined => /<Code>(\w+)<\/Code>/.exec(text)?.[1];

// "Error responses", Amazon S3 API Reference. A long call may be answered with 200 and a code.
const STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const CODES = new Set(["InternalError", "OperationAborted", "RequestTimeout", "SlowDown"]);
