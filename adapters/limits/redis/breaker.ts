import * as Effect from "effect/Effect";
import { makeBreaker } from "../../../application/breaker.ts";
import { LimitsUnavailable } from "../../../domain/errors.ts";
import { errorMessage } from "../../thrown.ts";

const TIMEOUT = "50 millis";

/** Keeps requests from waiting for a Redis that does not answer. */
export function breaker() {
  const { protect } = makeBreaker<LimitsUnavailable, LimitsUnavailable>({
    threshold: 5,
    pause: 1000,
    judge: () => "failed",
    paused: () => PAUSED,
  });
  return <A>(command: (tooLate: AbortSignal) => Promise<A>): Effect.Effect<A, LimitsUnavailable> =>
    protect(
      Effect.suspend(() =>
        Effect.tryPromise({ try: (signal) => command(signal), catch: unavailable }).pipe(
          Effect.raceFirst(Effect.andThen(timeout, Effect.fail(TOO_LATE))),
        ),
      ),
    );
}

/** In a busy process the answer may have arrived unread; one more turn of the loop reads it. */
const timeout = Effect.andThen(
  Effect.sleep(TIMEOUT),
  Effect.promise(() => new Promise<void>((resolve) => void setImmediate(resolve))),
);

const PAUSED = new LimitsUnavailable({
  reason: "it has not answered for a while, and is asked once a second",
});
const TOO_LATE = new LimitsUnavailable({ reason: "there was no answer within 50 milliseconds" });

function unavailable(cause: unknown): LimitsUnavailable {
  const message = errorMessage(cause);
  const hint = message.startsWith("MOVED") ? "; it is a cluster, so set REDIS_CLUSTER=on" : "";
  return new LimitsUnavailable({ reason: `${message}${hint}` });
}
