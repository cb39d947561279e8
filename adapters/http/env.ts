import type { Context } from "hono";

/** What a server tells of each request, as the second argument of `fetch`. */
export interface Peer {
  /** The address at the other end of the connection. */
  readonly address: string | undefined;
}

/** What travels with a request through the application. */
export interface HttpEnv {
  Bindings: Peer;
  Variables: {
    requestId: string;
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
