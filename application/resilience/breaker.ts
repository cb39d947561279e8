import * as Cause from "effect/Cause";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Option from "effect/Option";

const THRESHOLD = 5;
/** Time between two probes, in milliseconds. */
const PAUSE = 1000;

/**
 * Keeps callers from waiting for a service that does not answer: after five such failures in a row,
 * one call a second is tried, and all others fail with `paused`. docs/decisions/own-breaker.md says
 * why it is not `CircuitBreaker` of `effect/persistence`.
 */
export function makeBreaker<E, Down extends E, Paused>(
  isDown: (error: E) => error is Down,
  paused: (last: Down) => Paused,
) {
  let failures = 0;
  let last: Down | undefined;
  let pausedUntil = 0;
  let isProbing = false;
  const isOpen = () => failures >= THRESHOLD;

  const record = (exit: Exit.Exit<unknown, E>) => {
    const error = Exit.isFailure(exit) ? Cause.findErrorOption(exit.cause) : Option.none();
    if (Option.isSome(error) && isDown(error.value)) {
      last = error.value;
      failures++;
      return Effect.map(Clock.currentTimeMillis, (now) => void (pausedUntil = now + PAUSE));
    }
    // An interruption says nothing about the service.
    if (Exit.isSuccess(exit) || Option.isSome(error)) failures = 0;
    return Effect.void;
  };

  const protect = <A, Own extends E>(call: Effect.Effect<A, Own>): Effect.Effect<A, Own | Paused> =>
    Effect.flatMap(Clock.currentTimeMillis, (now): Effect.Effect<A, Own | Paused> => {
      if (!isOpen() || last === undefined) return Effect.onExit(call, record);
      // A longer remaining pause means that the clock was set back.
      const isPaused = isProbing || (now < pausedUntil && pausedUntil - now <= PAUSE);
      if (isPaused) return Effect.fail(paused(last));
      isProbing = true;
      return Effect.onExit(call, (exit) => {
        isProbing = false;
        return record(exit);
      });
    });
  return { protect, isOpen };
}
