import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";

/** In milliseconds. */
const REMEMBERED = 10_000;

/**
 * Asks whether there is a bucket, and remembers for ten seconds that there is: the answer 404 to a
 * `HEAD` does not say what is missing, and whoever names objects that do not exist costs one call each.
 */
export function rememberedBucket<E, R>(isThere: Effect.Effect<boolean, E, R>) {
  let seenAt = -Infinity;
  return Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis;
    if (Math.abs(now - seenAt) < REMEMBERED) return true;
    const found = yield* isThere;
    if (found) seenAt = now;
    return found;
  });
}
