import * as Effect from "effect/Effect";
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { passOn } from "./answer.ts";
import type { HttpEnv } from "./env.ts";

const EXPOSED = ["ETag", "X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy"].join(", ");

/** How many refused origins the log tells of, which anybody can make up. */
const TOLD_AT_MOST = 100;

/**
 * Lets pages of `origins` call what is behind it by some methods (Fetch Standard, CORS protocol).
 * The log tells once of each origin that is refused; pages of `own` need no permission.
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
  const told = new Set<string>();
  const tellOf = (origin: string, requestId: string) => {
    if (origin === own || told.has(origin) || told.size === TOLD_AT_MOST) return;
    told.add(origin);
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
      if (origin !== undefined && !isAllowed) tellOf(origin, c.get("requestId"));
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
