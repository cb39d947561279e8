import * as Clock from "effect/Clock";
import type * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";

/**
 * Caches a result as `Effect.cachedWithTTL` does, but not while it `isStale`, nor after the clock
 * was set back until it has caught up.
 */
export const cachedFor = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  time: Duration.Input,
  isStale = () => false,
): Effect.Effect<Effect.Effect<A, E, R>> =>
  Effect.map(Effect.cachedInvalidateWithTTL(effect, time), ([cached, forget]) => {
    let last = 0;
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const isSetBack = now < last;
      last = now;
      return isSetBack || isStale() ? Effect.andThen(forget, cached) : cached;
    });
  });
