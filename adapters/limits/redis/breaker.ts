import { makeBreaker } from "../../../application/breaker.ts";
import * as Effect from "effect/Effect";
import { LimitsUnavailable } from "../../../domain/errors.ts";
import { errorMessage } from "../../thrown.ts";

/** Keeps requests from waiting for a Redis that does not answer. */
export function breaker() {
  const { protect } = makeBreaker(isAway, () => PAUSED);
  return <A>(command: (tooLate: AbortSignal) => Promise<A>): Effect.Effect<A, LimitsUnavailable> =>
    protect(Effect.raceFirst(Effect.tryPromise({ try: command, catch: unavailable }), timeout));
}

const isAway = (error: LimitsUnavailable): error is LimitsUnavailable => error !== undefined;

const PAUSED = new LimitsUnavailable({
  reason: "it has not answered for a while, and is asked once a second",
});
const TOO_LATE = new LimitsUnavailable({ reason: "there was no answer within 50 milliseconds" });

/** In a busy process the answer may have arrived unread; one more turn of the loop reads it. */
const timeout = Effect.sleep("50 millis").pipe(
  Effect.andThen(Effect.promise(() => new Promise<void>((resolve) => void setImmediate(resolve)))),
  Effect.andThen(Effect.fail(TOO_LATE)),
);

function unavailable(cause: unknown): LimitsUnavailable {
  const message = errorMessage(cause);
  const hint = message.startsWith("MOVED") ? "; it is a cluster, so set REDIS_CLUSTER=on" : "";
  return new LimitsUnavailable({ reason: `${message}${hint}` });
}
