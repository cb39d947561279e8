import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";

/** Time for which a bucket is remembered, in milliseconds. */
const REMEMBERED = 10_000;

/**
 * Checks that a bucket exists, and remembers for ten seconds that it does: a 404 to a `HEAD` does
 * not say what is missing, and requests for missing objects would cost a call each.
 */
export function rememberedBucket<E, R>(isThere: Effect.Effect<boolean, E, R>) {
  let seenAt = -Infinity;
  return Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis;
    if (Math.abs(now - seenAt) < REMEMBERED) return true;
    const exists = yield* isThere;
    if (exists) seenAt = now;
    return exists;
  });
}
