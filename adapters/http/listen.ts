import type { Peer } from "./env.ts";

/** A server that is listening. */
export interface Listening {
  /** Takes no more requests, and ends when those under way have been answered. */
  readonly stop: () => Promise<void>;
}

/** How a runtime serves the application; fails where it cannot listen. */
export type Listen = (options: {
  readonly host: string;
  readonly port: number;
  readonly fetch: (request: Request, peer: Peer) => Response | Promise<Response>;
}) => Promise<Listening>;
