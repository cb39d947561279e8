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
 * one call a second is tried, and all others fail with `paused`. With `look`, which fails only while
 * the service is down, callers decide nothing: nobody is paused until it has failed too, and it is
 * what is tried each second. docs/decisions/own-breaker.md says why it is not `CircuitBreaker` of
 * `effect/persistence`.
 */
export function makeBreaker<E, Down extends E, Paused>(
  isDown: (error: E) => error is Down,
  paused: (last: Down) => Paused,
  look?: Effect.Effect<unknown, Down>,
) {
  let failures = 0;
  let last: Down | undefined;
  let pausedUntil = 0;
  let isProbing = false;
  let isDoubted = false;
  const isOpen = () => failures >= THRESHOLD && !isDoubted;

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

  const lookFirst = look && Effect.onExit(look, record);
  const confirm = Effect.suspend(() => {
    if (lookFirst === undefined || failures !== THRESHOLD) return Effect.void;
    isDoubted = true;
    return Effect.ignore(lookFirst).pipe(
      Effect.onInterrupt(() => Effect.sync(() => (failures = THRESHOLD - 1))),
      Effect.ensuring(Effect.sync(() => (isDoubted = false))),
    );
  });
  const recorded = <A, Own extends E>(call: Effect.Effect<A, Own>) =>
    Effect.tapError(Effect.onExit(call, record), () => confirm);

  const protect = <A, Own extends E>(
    call: Effect.Effect<A, Own>,
  ): Effect.Effect<A, Own | Down | Paused> =>
    Effect.flatMap(Clock.currentTimeMillis, (now): Effect.Effect<A, Own | Down | Paused> => {
      if (!isOpen() || last === undefined) return recorded(call);
      // A longer remaining pause means that the clock was set back.
      const isPaused = isProbing || (now < pausedUntil && pausedUntil - now <= PAUSE);
      if (isPaused) return Effect.fail(paused(last));
      isProbing = true;
      const end = () => Effect.sync(() => void (isProbing = false));
      return lookFirst === undefined
        ? Effect.ensuring(recorded(call), end())
        : Effect.andThen(Effect.ensuring(lookFirst, end()), recorded(call));
    });
  return { protect, isOpen };
}
