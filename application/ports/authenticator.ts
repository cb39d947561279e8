import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import type { IdentityUnavailable, RateLimited, Unauthenticated } from "../../domain/errors.ts";
import type { Principal } from "../../domain/principal.ts";

/** The parts of a request that identify its caller. */
export interface Call {
  /** By names in lower case; repeated headers are joined by a comma and a space. */
  readonly headers: {
    readonly get: (name: string) => string | null;
    readonly keys: () => Iterable<string>;
  };
  /** The address at the other end of the connection. */
  readonly address: string | undefined;
  /** The client's own address, if a trusted proxy reports it. */
  readonly client?: string | undefined;
}

/** Authenticates the caller of a request. */
export class Authenticator extends Context.Service<
  Authenticator,
  {
    readonly authenticate: (
      call: Call,
    ) => Effect.Effect<Principal, Unauthenticated | IdentityUnavailable>;
    /** Fails for each request that is not authenticated; absent if failures are not counted. */
    readonly countFailure?: (
      call: Call,
      refusal: Unauthenticated,
    ) => Effect.Effect<never, Unauthenticated | RateLimited>;
  }
>()("valetkey/Authenticator") {}

export const countFailure = (call: Call, refusal: Unauthenticated) =>
  Authenticator.use((service) => service.countFailure?.(call, refusal) ?? Effect.fail(refusal));
