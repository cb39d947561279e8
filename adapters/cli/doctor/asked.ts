import * as Effect from "effect/Effect";
import { codeOf, messageOf } from "../../thrown.ts";
import { NoAnswer } from "./target.ts";

/** How long an answer of anything but the store is waited for. */
export const ASKED_TIMEOUT = "3 seconds";

/** The answer of something beside the store, or why there is none. */
export const asked = <A>(ask: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, NoAnswer> =>
  Effect.tryPromise({
    try: ask,
    catch: (cause) => new NoAnswer({ reason: messageOf(cause), code: String(codeOf(cause)) }),
  }).pipe(
    Effect.timeoutOrElse({
      duration: ASKED_TIMEOUT,
      orElse: () => Effect.fail(new NoAnswer({ reason: "there was no answer", code: "ETIMEDOUT" })),
    }),
  );
