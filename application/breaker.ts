import * as Cause from "effect/Cause";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Option from "effect/Option";

/**
 * Keeps callers from waiting for a service that does not answer: after `threshold` failures in a
 * row one call per `pause` is tried, and all others fail at once. Why it is not `CircuitBreaker` of
 * `effect/persistence`: docs/decisions/own-breaker.md.
 */
export function makeBreaker<E, Paused extends E>(settings: {
  readonly threshold: number;
  /** In milliseconds. */
  readonly pause: number;
  /** An ignored error says nothing about the service, like an interruption. */
  readonly judge: (error: E) => "failed" | "answered" | "ignored";
  /** The error of a call that is not made, after a failure. */
  readonly paused: (last: E) => Paused;
}) {
  const { threshold, pause, judge, paused } = settings;
  let failures = 0;
  let last: E | undefined;
  let pausedUntil = 0;
  let isProbing = false;
  const isOpen = () => failures >= threshold;

  const fail = (error: E) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      failures++;
      last = error;
      pausedUntil = now + pause;
    });

  const record = (exit: Exit.Exit<unknown, E>) => {
    const error = Exit.isSuccess(exit) ? undefined : Cause.findErrorOption(exit.cause);
    if (error !== undefined && Option.isNone(error)) return Effect.void;
    const outcome = error === undefined ? "answered" : judge(error.value);
    if (outcome === "answered") failures = 0;
    return outcome === "failed" && error !== undefined ? fail(error.value) : Effect.void;
  };

  const protect = <A, Own extends E>(call: Effect.Effect<A, Own>): Effect.Effect<A, Own | Paused> =>
    Effect.flatMap(Clock.currentTimeMillis, (now): Effect.Effect<A, Own | Paused> => {
      if (!isOpen() || last === undefined) return Effect.onExit(call, record);
      // More than the pause can be left only if the clock was set back.
      const isPaused = isProbing || (now < pausedUntil && pausedUntil - now <= pause);
      if (isPaused) return Effect.fail(paused(last));
      isProbing = true;
      return Effect.onExit(call, (exit) => {
        isProbing = false;
        return record(exit);
      });
    });
  return { protect, isOpen };
}
