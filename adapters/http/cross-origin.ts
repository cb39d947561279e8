import * as Effect from "effect/Effect";
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { passOn } from "./answer.ts";
import type { HttpEnv } from "./env.ts";

const EXPOSED = ["ETag", "X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy"].join(", ");

/** How many origins the log warns about; anybody can make up more. */
const MAX_WARNINGS = 100;

/**
 * Middleware that lets pages of `origins` call a route by the given methods (Fetch Standard, CORS
 * protocol). The log warns once about each origin that is not allowed; `own` needs no permission.
 */
export function crossOrigin({
  origins,
  own,
  log,
}: {
  readonly origins: ReadonlyArray<string>;
  readonly own: string;
  readonly log: (line: Effect.Effect<void>) => void;
}): (...methods: Array<string>) => MiddlewareHandler<HttpEnv> {
  const warned = new Set<string>();
  const warnAbout = (origin: string, requestId: string) => {
    if (origin === own || warned.has(origin) || warned.size === MAX_WARNINGS) return;
    warned.add(origin);
    log(
      Effect.logWarning(
        "a request from another origin is not allowed; add the origin to CORS_ORIGINS, or to the option corsOrigins",
        {
          requestId,
          origin: origin.slice(0, 200),
        },
      ),
    );
  };
  return (...allowMethods) => {
    const preflight = cors({ origin: [...origins], allowMethods, maxAge: 600 });
    return async (c, next) => {
      const origin = c.req.header("Origin");
      const isAllowed = origin !== undefined && origins.includes(origin);
      if (origin !== undefined && !isAllowed) warnAbout(origin, c.get("requestId"));
      if (c.req.method === "OPTIONS") {
        const permission = await preflight(c, next);
        return permission && passOn(c, permission);
      }
      const headers = c.get("answerHeaders");
      headers["Vary"] = "Origin";
      if (isAllowed) {
        headers["Access-Control-Allow-Origin"] = origin;
        headers["Access-Control-Expose-Headers"] = EXPOSED;
      }
      return next();
    };
  };
}
