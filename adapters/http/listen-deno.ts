import { isProbe, type Listen, MAX_REQUESTS, overloaded } from "./listen.ts";

// The part of Deno that is used here: its own types cannot be loaded beside those of Node.
declare const Deno: {
  serve(
    options: { hostname: string; port: number; onListen: () => void },
    handler: (
      request: Request,
      info: { remoteAddr: { hostname: string }; completed: Promise<void> },
    ) => Response | Promise<Response>,
  ): { shutdown(): Promise<void> };
};

/**
 * Serves on `Deno.serve`, which answers one request of a connection after another. It cannot limit
 * how many connections there are, and ends none on which nothing moves: not one whose headers or
 * body do not come, nor one whose answer is not read. A proxy in front of it has to.
 */
export const listenDeno: Listen = async ({ host, port, fetch, onFull }) => {
  let active = 0;
  let whenIdle: (() => void) | undefined;
  const leave = () => {
    active--;
    if (active === 0) whenIdle?.();
  };
  const server = Deno.serve(
    { hostname: host, port, onListen: () => undefined },
    (request, { remoteAddr, completed }) => {
      active++;
      completed.then(leave, leave);
      if (active > MAX_REQUESTS && !isProbe(request.url)) {
        onFull?.("requests");
        return overloaded();
      }
      return fetch(request, { address: remoteAddr.hostname });
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
