import { setTimeout as pause } from "node:timers/promises";
import { isProbe, type Listen, LONGEST_PAUSE, MAX_REQUESTS, overloaded } from "./listen.ts";

// The part of Bun that is used here: its own types cannot be loaded beside those of Node.
declare const Bun: {
  serve(options: {
    hostname: string;
    port: number;
    idleTimeout: number;
    maxRequestBodySize: number;
    fetch(request: Request, server: BunServer): Response | Promise<Response>;
  }): BunServer;
};

interface BunServer {
  requestIP(request: Request): { address: string } | null;
  readonly pendingRequests: number;
  stop(closeActiveConnections?: boolean): Promise<void>;
}

/**
 * Serves on `Bun.serve`, which answers one request of a connection after another. It ends a
 * connection on which nothing moves for a minute; it cannot limit how many there are, or for how
 * long a client may read an answer.
 */
export const listenBun: Listen = async ({ host, port, fetch, onFull }) => {
  const server = Bun.serve({
    hostname: host,
    port,
    idleTimeout: LONGEST_PAUSE / 1000,
    // The API counts for itself, and the embedded store takes what was signed.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: (request, own) => {
      if (own.pendingRequests > MAX_REQUESTS && !isProbe(request.url)) {
        onFull?.("requests");
        return overloaded();
      }
      return fetch(request, { address: own.requestIP(request)?.address });
    },
  });
  return {
    stop: async () => {
      void server.stop();
      while (server.pendingRequests > 0) await pause(20);
      // Connections that are kept for a next request would be waited for.
      await server.stop(true);
    },
  };
};
