import * as Effect from "effect/Effect";
import type { MiddlewareHandler } from "hono";
import type { HttpEnv } from "./env.ts";

/**
 * Gives each request an id, in the answer's `X-Request-Id`, and writes one line about it: never
 * its query, headers or body, which may hold signatures and tokens.
 */
export function requestLog(
  write: (line: Effect.Effect<void>) => void,
  isStopping: () => boolean,
): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const start = performance.now();
    const requestId = crypto.randomUUID();
    c.set("requestId", requestId);
    c.set("answerHeaders", {
      "X-Request-Id": requestId,
      // Or a client that keeps its connection would keep the service from ending.
      ...(isStopping() ? { Connection: "close" } : {}),
    });
    await next();
    write(
      Effect.logInfo("request", {
        requestId,
        method: c.req.method,
        path: pathOf(c.req.url),
        status: c.res.status,
        milliseconds: Math.round(performance.now() - start),
      }),
    );
  };
}

/** As it was sent, so that nothing in it ends a line; a token in it would open a file. */
const pathOf = (url: string): string =>
  (PATH.exec(url)?.[1] ?? "").replace(LINK, "/f/…").replaceAll(TOKEN, "…");

const PATH = /^[a-z]+:\/\/[^/?#]*([^?#]*)/i;
const LINK = /^\/f\/.*$/;
const TOKEN = /v1\.[^/]*\.[^/]*\.[\w-]{43}/gi;
