import { isProbe, type Listen, MAX_REQUESTS, overloaded } from "./listen.ts";

// The part of Deno that is used here; its own types conflict with those of Node.
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
 * Serves on `Deno.serve`, which answers the requests of a connection one after another. It cannot
 * limit the number of connections, and never closes an idle one, whether headers or a body are
 * missing or the answer is not read. A proxy in front has to do both.
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
      // `shutdown` would cut off requests whose bodies are under way, so wait for them first.
      if (active > 0) await new Promise<void>((resolve) => (whenIdle = resolve));
      await server.shutdown();
    },
  };
};
