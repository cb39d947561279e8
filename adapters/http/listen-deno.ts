import type { Listen } from "./listen.ts";

// The part of Deno that is used here: its own types cannot be loaded beside those of Node.
declare const Deno: {
  serve(
    options: { hostname: string; port: number; onListen: () => void },
    handler: (
      request: Request,
      info: { remoteAddr: { hostname: string } },
    ) => Response | Promise<Response>,
  ): { shutdown(): Promise<void> };
};

/** Serves on `Deno.serve`. */
export const listenDeno: Listen = async ({ host, port, fetch }) => {
  const server = Deno.serve(
    { hostname: host, port, onListen: () => undefined },
    (request, { remoteAddr }) => fetch(request, { address: remoteAddr.hostname }),
  );
  return { stop: () => server.shutdown() };
};
