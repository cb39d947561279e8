import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { passOn } from "./answer.ts";
import type { HttpEnv } from "./env.ts";

const EXPOSED = ["ETag", "X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy"].join(", ");

/** Lets pages of `origins` call what is behind it (Fetch Standard, CORS protocol). */
export function crossOrigin(origins: ReadonlyArray<string>): MiddlewareHandler<HttpEnv> {
  const preflight = cors({
    origin: [...origins],
    allowMethods: ["GET", "HEAD", "PUT", "POST", "DELETE"],
    maxAge: 600,
  });
  return async (c, next) => {
    if (c.req.method === "OPTIONS") {
      const permission = await preflight(c, next);
      return permission && passOn(c, permission);
    }
    const headers = c.get("answerHeaders");
    headers["Vary"] = "Origin";
    const origin = c.req.header("Origin");
    if (origin !== undefined && origins.includes(origin)) {
      headers["Access-Control-Allow-Origin"] = origin;
      headers["Access-Control-Expose-Headers"] = EXPOSED;
    }
    return next();
  };
}
