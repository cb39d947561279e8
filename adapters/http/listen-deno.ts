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
  let active = 0;
  let whenIdle: (() => void) | undefined;
  const server = Deno.serve(
    { hostname: host, port, onListen: () => undefined },
    async (request, { remoteAddr }) => {
      active++;
      try {
        return await fetch(request, { address: remoteAddr.hostname });
      } finally {
        active--;
        if (active === 0) whenIdle?.();
      }
    },
  );
  return {
    stop: async () => {
      // `shutdown` breaks off the bodies of requests under way, so these are waited for.
      if (active > 0) await new Promise<void>((resolve) => (whenIdle = resolve));
      await server.shutdown();
    },
  };
};
