import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { RateLimited } from "./errors.ts";
import type { Allowance, Limited, RateLimit } from "./limits.ts";

/** The outcome of taking one request from a limit. */
interface Taken {
  readonly isAllowed: boolean;
  /** The number of requests that are left. */
  readonly remaining: number;
  /** Milliseconds until another request is allowed; 0 if this one was. */
  readonly retryAfter: number;
  /** Milliseconds until the whole limit is available again. */
  readonly resetAfter: number;
}

/** The used part of a limit at an instant, in milliseconds since 1970. */
export interface Bucket {
  readonly used: number;
  readonly at: number;
}

/** Tolerance, since sums of fractions are rounded. */
const ROUNDING = 1e-6;

/**
 * Takes one request from a token bucket, which holds `count` and refills evenly within `window`.
 */
export function take(
  { count, window }: RateLimit,
  bucket: Bucket | undefined,
  now: number,
): Taken & { readonly bucket: Bucket } {
  const share = Duration.toMillis(window) / count;
  const back = bucket === undefined ? 0 : Math.max(0, now - bucket.at) / share;
  const before = Math.max(0, (bucket?.used ?? 0) - back);
  const isAllowed = before + 1 <= count + ROUNDING;
  const used = isAllowed ? before + 1 : before;
  return {
    isAllowed,
    bucket: { used, at: now },
    remaining: isAllowed ? Math.floor(count - used + ROUNDING) : 0,
    retryAfter: isAllowed ? 0 : (before + 1 - count) * share,
    resetAfter: used * share,
  };
}

/** Returns the rest after a request was taken; fails with `RateLimited` if none was left. */
export function allowanceOf(
  of: Limited,
  limit: RateLimit,
  taken: Taken,
): Effect.Effect<Allowance, RateLimited> {
  return taken.isAllowed
    ? Effect.succeed(left(of, limit, taken))
    : Effect.fail(rateLimited(of, limit, taken));
}

/** The refusal of a request that exceeds the limit. */
export const rateLimited = (of: Allowance["of"], limit: RateLimit, taken: Taken): RateLimited =>
  new RateLimited({ allowance: left(of, limit, taken), retryAfter: seconds(taken.retryAfter) });

const left = (of: Allowance["of"], limit: RateLimit, taken: Taken): Allowance => ({
  of,
  limit,
  remaining: taken.remaining,
  resetAfter: seconds(taken.resetAfter),
});

/** Seconds, rounded up, and at least 1. */
const seconds = (milliseconds: number) => Math.max(1, Math.ceil(milliseconds / 1000));
