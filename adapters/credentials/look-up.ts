import * as Effect from "effect/Effect";
import { CredentialsUnavailable } from "../../application/ports/presigner.ts";

/** Asks the library of a cloud for its credentials, which can take the network and much time. */
export const lookUp = <A>(
  cloud: "AWS" | "Google",
  ask: () => Promise<A>,
): Effect.Effect<A, CredentialsUnavailable> =>
  Effect.tryPromise({
    try: ask,
    catch: (cause) =>
      unavailable(`no ${cloud} credentials: ${cause instanceof Error ? cause.message : cause}`),
  }).pipe(
    Effect.timeoutOrElse({
      duration: "10 seconds",
      orElse: () => Effect.fail(unavailable(`no ${cloud} credentials within 10 seconds`)),
    }),
  );

const unavailable = (reason: string) => new CredentialsUnavailable({ reason });
