import type { Span } from "effect/Tracer";

/** A request as it begins. */
export interface BegunRequest {
  readonly method: string;
  /** The pattern of its path, if there is one. */
  readonly route: string | undefined;
  /** The path without secrets. */
  readonly path: () => string;
  readonly requestId: string;
  readonly headers: Headers;
  /** The address at the other end of the connection. */
  readonly address: string | undefined;
}

/** Watches a request from its beginning until `end` is called with the status of its answer. */
export type RequestWatch = (request: BegunRequest) => {
  /** The span of a traced request. */
  readonly span: Span | undefined;
  readonly end: (status: number) => void;
};
