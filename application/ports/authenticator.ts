import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type { IdentityUnavailable, RateLimited, Unauthenticated } from "../../domain/errors.ts";
import type { Principal } from "../../domain/principal.ts";

/** The parts of a request that tell who sent it. */
export interface Call {
  /** By names in lower case; repeated headers are joined by a comma and a space. */
  readonly headers: {
    readonly get: (name: string) => string | null;
    readonly keys: () => Iterable<string>;
  };
  /** The address at the other end of the connection. */
  readonly address: string | undefined;
  /** The client's own address, if a trusted proxy at the other end tells it. */
  readonly client?: string | undefined;
}

/** Authenticates the caller of a request. */
export class Authenticator extends Context.Service<
  Authenticator,
  {
    readonly authenticate: (
      call: Call,
    ) => Effect.Effect<Principal, Unauthenticated | IdentityUnavailable | RateLimited>;
    /** The same without counting a failure; absent if `authenticate` counts none. */
    readonly recognize?: (
      call: Call,
    ) => Effect.Effect<Principal, Unauthenticated | IdentityUnavailable | RateLimited>;
  }
>()("valetkey/Authenticator") {}
