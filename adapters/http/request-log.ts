import * as Effect from "effect/Effect";
import type { MiddlewareHandler } from "hono";
import type { HttpEnv } from "./env.ts";
import { loggedPath, requestPath } from "./addresses.ts";

/**
 * Gives each request an id, which the answer has in `X-Request-Id`, and writes one log line about
 * it. The line never has the query, headers or body, which may hold signatures and tokens.
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
      // A client that kept its connection open would keep the service from stopping.
      ...(isStopping() ? { Connection: "close" } : {}),
    });
    await next();
    const code = c.get("code");
    write(
      Effect.logInfo("request", {
        requestId,
        method: c.req.method,
        path: loggedPath(requestPath(c)),
        status: c.res.status,
        ...(code === undefined ? {} : { code }),
        milliseconds: Math.round(performance.now() - start),
      }),
    );
  };
}
