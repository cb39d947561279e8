import type { Context } from "hono";
import type { Principal } from "../../domain/principal.ts";

/** What a server knows about each request, passed as the second argument of `fetch`. */
export interface Peer {
  /** The address at the other end of the connection. */
  readonly address?: string | undefined;
  /** The request's target as it was sent; a standard `Request` holds a normalized one. */
  readonly target?: string | undefined;
  /** The caller, if the server knows it already; nothing else is asked then. */
  readonly principal?: Principal | undefined;
}

/** What travels with a request through the application. */
export interface HttpEnv {
  Bindings: Peer;
  Variables: {
    requestId: string;
    /** The code of the refusal, if the request was refused. */
    code: string | undefined;
    /**
     * Headers that the answer gets beside its own. They are collected here and set when the answer
     * is made: to change a response afterwards means to build it again, which costs more than to
     * sign.
     */
    answerHeaders: Record<string, string>;
  };
}

/** The request as handlers and middleware see it. */
export type HttpContext = Context<HttpEnv>;
