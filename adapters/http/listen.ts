import { asResponse } from "./answer.ts";
import type { Peer } from "./env.ts";
import { problemOf } from "./problem.ts";
import { Overloaded } from "./refusals.ts";

/** A server that is listening. */
export interface Listening {
  /**
   * Takes no more connections, ends those on which nothing is under way, and ends when the
   * requests under way have been answered.
   */
  readonly stop: () => Promise<void>;
}

/** How a runtime serves the application; fails where it cannot listen. */
export type Listen = (options: {
  readonly host: string;
  readonly port: number;
  readonly fetch: (request: Request, peer: Peer) => Response | Promise<Response>;
  /** How many connections are held at once; further ones are closed. Only Node can do this. */
  readonly maxConnections?: number;
  /** Paths under which a request may take as long as its bytes move, each as a mount has it. */
  readonly unhurried?: ReadonlyArray<string>;
  /** How long any other request may take, its body and its answer, in milliseconds. */
  readonly requestTime?: number;
  /** How long nothing may move while any request is under way, in milliseconds. */
  readonly longestPause?: number;
  /** Is told, for each, that a connection or a request was turned away. */
  readonly onFull?: (what: "connections" | "requests") => void;
}) => Promise<Listening>;

/**
 * How many requests may be under way in the process. Each holds up to 16 KiB of headers and as
 * much of a body, so that this many stay under 200 MB.
 */
export const MAX_REQUESTS = 2_000;

/** How long a request that is not for an object may take, in milliseconds. */
export const REQUEST_TIME = 60_000;

/** How long nothing may move on a connection while a request is under way, in milliseconds. */
export const LONGEST_PAUSE = 60_000;

/** Whether whoever runs the service asks how it does, which is answered in any case. */
export const isProbe = (url: string): boolean => PROBE.test(url);

const PROBE = /^(?:https?:\/\/[^/?#]*)?\/(?:healthz|readyz)$/;

/** What is answered beyond `MAX_REQUESTS`. */
export const overloaded = (): Response => asResponse(problemOf(new Overloaded()));
