import { setTimeout as pause } from "node:timers/promises";
import { isProbe, type Listen, LONGEST_PAUSE, MAX_REQUESTS, overloaded } from "./listen.ts";

// The part of Bun that is used here; its own types conflict with those of Node.
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
 * Serves on `Bun.serve`, which answers the requests of a connection one after another. It closes a
 * connection that stands still for a minute. It can limit neither the number of connections nor
 * the time in which a client reads an answer.
 */
export const listenBun: Listen = async ({ host, port, fetch, onFull }) => {
  const server = Bun.serve({
    hostname: host,
    port,
    idleTimeout: LONGEST_PAUSE / 1000,
    // The API limits bodies itself, and the embedded store accepts the size that was signed.
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
      // Without this it would wait for idle connections.
      await server.stop(true);
    },
  };
};
