import { makeBreaker } from "../../application/resilience/breaker.ts";
import * as Effect from "effect/Effect";
import { clientSpan } from "../values/spans.ts";
import { errorMessage } from "../values/thrown.ts";

/** Keeps callers from waiting for a Redis that does not answer within `longest` milliseconds. */
export function breaker<E extends object>(longest: number, failure: (reason: string) => E) {
  const paused = failure("it has not answered for a while, and is asked once a second");
  const tooLate = failure(`there was no answer within ${longest} milliseconds`);
  /** In a busy process the answer may be unread; one more turn of the loop reads it. */
  const timeout = Effect.sleep(longest).pipe(
    Effect.andThen(
      Effect.promise(() => new Promise<void>((resolve) => void setImmediate(resolve))),
    ),
    Effect.andThen(Effect.fail(tooLate)),
  );
  const isAway = (error: E): error is E => error !== undefined;
  const { protect } = makeBreaker(isAway, () => paused);
  return <A>(command: (tooLate: AbortSignal) => Promise<A>): Effect.Effect<A, E> =>
    clientSpan("redis", { "db.system.name": "redis" }, () =>
      protect(
        Effect.raceFirst(
          Effect.tryPromise({ try: command, catch: (cause) => failure(reasonFor(cause)) }),
          timeout,
        ),
      ),
    );
}

function reasonFor(cause: unknown): string {
  const message = errorMessage(cause);
  if (/master node/i.test(message)) return "the Sentinels know no master of the name in REDIS_URL";
  return message.startsWith("MOVED")
    ? `${message}; it is a cluster, so set REDIS_CLUSTER=on`
    : message;
}
