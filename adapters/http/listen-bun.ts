import type { Listen } from "./listen.ts";

// The part of Bun that is used here: its own types cannot be loaded beside those of Node.
declare const Bun: {
  serve(options: {
    hostname: string;
    port: number;
    idleTimeout: number;
    maxRequestBodySize: number;
    fetch(
      request: Request,
      server: { requestIP(request: Request): { address: string } | null },
    ): Response | Promise<Response>;
  }): { stop(): Promise<void> };
};

/** Serves on `Bun.serve`. */
export const listenBun: Listen = async ({ host, port, fetch }) => {
  const server = Bun.serve({
    hostname: host,
    port,
    idleTimeout: 60,
    // The API counts for itself, and the embedded store takes what was signed.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: (request, own) => fetch(request, { address: own.requestIP(request)?.address }),
  });
  return { stop: () => server.stop() };
};
