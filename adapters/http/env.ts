import type { Context } from "hono";
import type { Principal } from "../../domain/principal.ts";
import type { Code } from "./problem.ts";

/** What a server tells of each request, as the second argument of `fetch`. */
export interface Peer {
  /** The address at the other end of the connection. */
  readonly address?: string | undefined;
  /** The request's target as it was sent; a standard `Request` has it rewritten. */
  readonly target?: string | undefined;
  /** Who calls, where the server knows that already; nobody is asked then. */
  readonly principal?: Principal | undefined;
}

/** What travels with a request through the application. */
export interface HttpEnv {
  Bindings: Peer;
  Variables: {
    requestId: string;
    /** What the request was refused for, where it was. */
    code: Code | undefined;
    /**
     * Headers that the answer gets beside its own. They are collected here and set when it is
     * made, since a response that is changed afterwards is built anew, which costs more than
     * signing does.
     */
    answerHeaders: Record<string, string>;
  };
}

/** The request as handlers and middleware see it. */
export type HttpContext = Context<HttpEnv>;
