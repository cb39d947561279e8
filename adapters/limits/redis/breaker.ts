import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { LimitsUnavailable } from "../../../domain/errors.ts";
import { errorMessage } from "../../thrown.ts";

const TIMEOUT = "50 millis";

const THRESHOLD = 5;

/** In milliseconds. */
const PAUSE = 1000;

/**
 * Keeps requests from waiting for a Redis that does not answer: after `THRESHOLD` failures in a row
 * one command per `PAUSE` is tried and all others fail at once. Why it is not `CircuitBreaker` of
 * `effect/persistence`: docs/decisions/own-breaker.md.
 */
export function breaker() {
  let failed = 0;
  let pausedUntil = 0;
  const record = (failures: number, now: number) =>
    Effect.sync(() => {
      failed = failures;
      pausedUntil = failed < THRESHOLD ? 0 : now + PAUSE;
    });
  return <A>(command: () => Promise<A>): Effect.Effect<A, LimitsUnavailable> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      // More than the pause can be left only if the clock was set back.
      if (now < pausedUntil && pausedUntil - now <= PAUSE) return PAUSED;
      // This command is the probe; the others fail until it has an answer.
      if (failed >= THRESHOLD) pausedUntil = now + PAUSE;
      return Effect.tryPromise({ try: command, catch: unavailable }).pipe(
        Effect.raceFirst(Effect.andThen(timeout, Effect.fail(TOO_LATE))),
        Effect.tap(() => record(0, now)),
        Effect.tapError(() => record(failed + 1, now)),
      );
    });
}

/** In a busy process the answer may have arrived unread; one more turn of the loop reads it. */
const timeout = Effect.andThen(
  Effect.sleep(TIMEOUT),
  Effect.promise(() => new Promise<void>((resolve) => void setImmediate(resolve))),
);

const PAUSED = Effect.fail(
  new LimitsUnavailable({ reason: "it has not answered for a while, and is asked once a second" }),
);
const TOO_LATE = new LimitsUnavailable({ reason: "there was no answer within 50 milliseconds" });

function unavailable(cause: unknown): LimitsUnavailable {
  const message = errorMessage(cause);
  const hint = message.startsWith("MOVED") ? "; it is a cluster, so set REDIS_CLUSTER=on" : "";
  return new LimitsUnavailable({ reason: `${message}${hint}` });
}
