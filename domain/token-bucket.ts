import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { RateLimited } from "./errors.ts";
import type { Allowance, Limited, RateLimit } from "./limits.ts";

interface BucketDecision {
  readonly isAllowed: boolean;
  readonly remaining: number;
  /** In milliseconds; 0 if the request was allowed. */
  readonly retryAfter: number;
  /** Milliseconds until the whole limit is available again. */
  readonly resetAfter: number;
}

/** The used part of a limit, at a time in milliseconds since 1970. */
export interface Bucket {
  readonly used: number;
  readonly at: number;
}

/** Rounds sums of fractions. */
const ROUNDING = 1e-6;

/** Takes one request from a bucket, which holds `count` and refills evenly within `window`. */
export function take(
  { count, window }: RateLimit,
  bucket: Bucket | undefined,
  now: number,
): BucketDecision & { readonly bucket: Bucket } {
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

export function allowanceFrom(
  of: Limited,
  limit: RateLimit,
  taken: BucketDecision,
): Effect.Effect<Allowance, RateLimited> {
  return taken.isAllowed
    ? Effect.succeed(left(of, limit, taken))
    : Effect.fail(rateLimited(of, limit, taken));
}

export const rateLimited = (
  of: Allowance["of"],
  limit: RateLimit,
  taken: BucketDecision,
): RateLimited =>
  new RateLimited({ allowance: left(of, limit, taken), retryAfter: seconds(taken.retryAfter) });

const left = (of: Allowance["of"], limit: RateLimit, taken: BucketDecision): Allowance => ({
  of,
  limit,
  remaining: taken.remaining,
  resetAfter: seconds(taken.resetAfter),
});

const seconds = (milliseconds: number) => Math.max(1, Math.ceil(milliseconds / 1000));
