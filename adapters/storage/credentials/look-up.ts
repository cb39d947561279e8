import * as Effect from "effect/Effect";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import { messageOf } from "../../settings/thrown.ts";

/** Asks the library of a cloud for its credentials, which can take the network and much time. */
export const lookUp = <A>(
  cloud: "AWS" | "Google",
  ask: () => Promise<A>,
): Effect.Effect<A, CredentialsUnavailable> =>
  Effect.tryPromise({
    try: ask,
    catch: (cause) =>
      new CredentialsUnavailable({ reason: `no ${cloud} credentials: ${messageOf(cause)}` }),
  });
