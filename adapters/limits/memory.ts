import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Duration from "effect/Duration";
import * as Layer from "effect/Layer";
import { Limiter, LimitsUnavailable, type RetriedUpload } from "../../application/ports/limiter.ts";
import { addToDay, DAY, quotaExceeded, restOfDay, type Usage } from "../../domain/daily-quota.ts";
import { IdempotencyConflict } from "../../domain/errors.ts";
import type { Limits } from "../../domain/limits.ts";
import { allowanceOf, type Bucket, take } from "../../domain/token-bucket.ts";

/** How many retries are known at a time; each takes a few hundred bytes. */
const MOST_RETRIES = 100_000;

/** How often what is over is thrown away, in milliseconds. */
const SWEEP = 60_000;

/** Counts in the memory of this process, for this process alone. */
export const layer = (limits: Limits): Layer.Layer<Limiter> =>
  Layer.sync(Limiter, () => {
    const buckets = new Map<string, Bucket & { readonly fullAt: number }>();
    const usages = new Map<string, Usage>();
    const retries = new Map<string, RetriedUpload & { readonly expiresAt: number }>();
    let sweptAt = 0;

    /** With the requests and without a timer, which would keep the process alive. */
    const sweep = (now: number) => {
      if (now - sweptAt < SWEEP) return;
      sweptAt = now;
      for (const [name, { fullAt }] of buckets) if (fullAt <= now) buckets.delete(name);
      for (const [name, { expiresAt }] of retries) if (expiresAt <= now) retries.delete(name);
      const today = Math.floor(now / DAY);
      for (const [name, { day }] of usages) if (day !== today) usages.delete(name);
    };

    return Limiter.of({
      countRequest: (of, name) => {
        const limit = limits.requests[of];
        if (limit === undefined) return Effect.undefined;
        return Effect.flatMap(Clock.currentTimeMillis, (now) => {
          sweep(now);
          const counted = `${of} ${name}`;
          const taken = take(limit, buckets.get(counted), now);
          buckets.set(counted, { ...taken.bucket, fullAt: now + taken.resetAfter });
          return allowanceOf(of, limit, taken);
        });
      },
      countUpload: ({ organization, size, retry }) =>
        Effect.flatMap(Clock.currentTimeMillis, (now): Counted => {
          sweep(now);
          const name = JSON.stringify([organization, ...(retry?.name ?? [])]);
          const first = retry && retries.get(name);
          if (retry !== undefined && first !== undefined && first.expiresAt > now) {
            return first.request === retry.request
              ? Effect.succeed(first.memory)
              : Effect.fail(new IdempotencyConflict());
          }
          if (retry !== undefined && retries.size >= MOST_RETRIES) return FULL;
          const usage = addToDay(limits.daily, usages.get(organization), size, now);
          if (usage === undefined) return Effect.fail(quotaExceeded(limits.daily, restOfDay(now)));
          usages.set(organization, usage);
          if (retry !== undefined) {
            retries.set(name, { ...retry, expiresAt: now + Duration.toMillis(retry.lifetime) });
          }
          return Effect.undefined;
        }),
    });
  });

type Counted = ReturnType<Limiter["Service"]["countUpload"]>;

const FULL = Effect.fail(
  new LimitsUnavailable({
    reason: `more than ${MOST_RETRIES} uploads with an Idempotency-Key are under way; set REDIS_URL`,
  }),
);
