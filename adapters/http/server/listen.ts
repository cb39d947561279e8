import { asResponse } from "../problems/answer-problem.ts";
import type { Peer } from "../env.ts";
import { problemFrom } from "../problems/problem.ts";
import { Overloaded } from "../problems/refusals.ts";

export interface Listening {
  /**
   * Accepts no more connections, closes idle ones, and resolves when the requests under way have
   * been answered.
   */
  readonly stop: () => Promise<void>;
  /** Returns the number of requests that wait for an earlier answer; only Node lets them wait. */
  readonly waiting?: () => number;
}

/** Serves the application on a runtime; rejects if it cannot listen. */
export type Listen = (options: {
  readonly host: string;
  readonly port: number;
  readonly fetch: (request: Request, peer: Peer) => Response | Promise<Response>;
  /** Most open connections; further ones are closed. Only Node can do this. */
  readonly maxConnections?: number;
  /** Paths under which a request may take any time as long as bytes move. */
  readonly untimedPaths?: ReadonlyArray<string>;
  /** Longest time of any other request with its body and answer, in milliseconds. */
  readonly requestTime?: number;
  /** Longest pause on a connection, in milliseconds; on Node between requests too. */
  readonly longestPause?: number;
  /** Called for each connection or request that is turned away. */
  readonly onFull?: (what: "connections" | "requests") => void;
}) => Promise<Listening>;

/**
 * Most requests under way in the process. Each has up to 16 KiB of headers and 64 KiB
 * of body in memory, so this many stay under 200 MB.
 */
export const MAX_REQUESTS = 2_000;

export const REQUEST_TIME = 60_000;

/**
 * The default of `longestPause`: longer than load balancers keep idle connections (60 seconds by
 * default at Amazon), or one would send a request on a connection that is being closed.
 */
export const LONGEST_PAUSE = 65_000;

/** Returns true for a health probe, which is answered even when the service is full. */
export const isProbe = (url: string): boolean => PROBE.test(url);

const PROBE = /^(?:https?:\/\/[^/?#]*)?\/(?:healthz|readyz|metrics)$/;

export const overloaded = (): Response => asResponse(problemFrom(new Overloaded()));
