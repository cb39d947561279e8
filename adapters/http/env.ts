import type { Span } from "effect/Tracer";
import type { Context } from "hono";
import type { Principal } from "../../domain/principal.ts";

/** Facts of a request that only the server knows, passed as the second argument of `fetch`. */
export interface Peer {
  /** The address at the other end of the connection. */
  readonly address?: string | undefined;
  /** The request's target as it was sent; a standard `Request` holds a normalized one. */
  readonly target?: string | undefined;
  /** The caller, if the server knows it already; the request is not authenticated then. */
  readonly principal?: Principal | undefined;
}

export type HttpContext = Context<HttpEnv>;

export interface HttpEnv {
  Bindings: Peer;
  /** The span of a traced request. */
  Variables: { span?: Span };
}
