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
 * Serves on `Bun.serve`, which answers the requests of a connection one after another. It closes an
 * idle connection after a minute. It can limit neither the number of connections nor the time in
 * which a client reads an answer.
 */
export const listenBun: Listen = async ({ host, port, fetch, onFull }) => {
  const server = Bun.serve({
    hostname: host,
    port,
    idleTimeout: LONGEST_PAUSE / 1000,
    // The API limits bodies itself, and the embedded store accepts the size that was signed.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: (request, bun) => {
      if (bun.pendingRequests > MAX_REQUESTS && !isProbe(request.url)) {
        onFull?.("requests");
        return overloaded();
      }
      return fetch(request, { address: bun.requestIP(request)?.address });
    },
  });
  return {
    stop: async () => {
      const closed = server.stop();
      while (server.pendingRequests > 0) await pause(20);
      // The last answer may not be written yet; idle connections are not waited for any longer.
      await Promise.race([closed, pause(FLUSH_TIMEOUT)]);
      await server.stop(true);
    },
  };
};

/** Time for the last answers to be written, in milliseconds. */
const FLUSH_TIMEOUT = 500;
