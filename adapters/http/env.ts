/** What a server tells of each request, as the second argument of `fetch`. */
export interface Peer {
  /** The address at the other end of the connection. */
  readonly address: string | undefined;
}

/** What travels with a request through the application. */
export interface HttpEnv {
  Bindings: Peer;
  Variables: { requestId: string };
}
