import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { StoreUnavailable } from "../domain/errors.ts";

/** Fails if the store takes longer: a PUT that stalls can lock its key. */
export const inTime =
  (duration: Duration.Duration = Duration.seconds(5)) =>
  <A, E, R>(call: Effect.Effect<A, E, R>): Effect.Effect<A, E | StoreUnavailable, R> =>
    Effect.timeoutOrElse(call, {
      duration,
      orElse: () =>
        Effect.fail(
          new StoreUnavailable({
            kind: "timeout",
            reason: `the store did not answer within ${Duration.toSeconds(duration)} seconds`,
          }),
        ),
    });
