import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type { IdentityUnavailable, RateLimited, Unauthenticated } from "../../domain/errors.ts";
import type { Principal } from "../../domain/principal.ts";

/** What a request says of who sent it. */
export interface Call {
  /** By their names in lower case; repeated ones are joined by a comma and a space. */
  readonly headers: {
    readonly get: (name: string) => string | null;
    readonly keys: () => Iterable<string>;
  };
  /** The address at the other end of the connection. */
  readonly address: string | undefined;
  /** The caller's own, where a trusted proxy is at the other end and tells it. */
  readonly client?: string | undefined;
}

/** Tells who sent a request. */
export class Authenticator extends Context.Service<
  Authenticator,
  {
    readonly authenticate: (
      call: Call,
    ) => Effect.Effect<Principal, Unauthenticated | IdentityUnavailable | RateLimited>;
    /** The same for those who are known without work; absent where `authenticate` is as cheap. */
    readonly recognize?: (
      call: Call,
    ) => Effect.Effect<Principal, Unauthenticated | IdentityUnavailable | RateLimited>;
  }
>()("valetkey/Authenticator") {}
