import * as Effect from "effect/Effect";
import { cors } from "hono/cors";
import type { HttpContext } from "../env.ts";
import type { AppOptions } from "../options.ts";

const VARY = { Vary: "Origin" };
const EXPOSED = {
  "Access-Control-Expose-Headers": "ETag, X-Request-Id, Retry-After, RateLimit, RateLimit-Policy",
};

/** Bounds the log: origins can be invented. */
const MAX_WARNINGS = 100;

/**
 * Decides how a path is shared with pages of `corsOrigins` (Fetch Standard, CORS protocol);
 * undefined means that it is not. The log warns once about each other origin; the service's own
 * needs no permission.
 */
export function crossOrigin(options: AppOptions) {
  const { corsOrigins: origins, mounts, publicUrl } = options;
  const log = Effect.runForkWith(options.services);
  const warned = new Set<string>();
  const warnAbout = (origin: string, requestId: string) => {
    if (origin === publicUrl.origin || warned.has(origin) || warned.size === MAX_WARNINGS) return;
    warned.add(origin);
    log(
      Effect.logWarning(
        "a request from another origin is not allowed; add the origin to CORS_ORIGINS, or to the option corsOrigins",
        { requestId, origin: origin.slice(0, 200) },
      ),
    );
  };
  const sharedBy = (...allowMethods: Array<string>) => {
    const preflight = cors({ origin: [...origins], allowMethods, maxAge: 600 });
    const isAllowed = (origin: string | null, requestId: string) => {
      if (origin === null) return false;
      if (origins.includes(origin)) return true;
      warnAbout(origin, requestId);
      return false;
    };
    return {
      headers: (c: HttpContext, requestId: string): Readonly<Record<string, string>> => {
        const origin = c.req.raw.headers.get("origin");
        return origin !== null && isAllowed(origin, requestId)
          ? { ...VARY, "Access-Control-Allow-Origin": origin, ...EXPOSED }
          : VARY;
      },
      preflight: (c: HttpContext, requestId: string) => {
        isAllowed(c.req.raw.headers.get("origin"), requestId);
        return preflight(c, notForwarded);
      },
    };
  };
  const api = sharedBy("GET", "POST", "DELETE");
  const document = sharedBy("GET", "HEAD");
  const store = sharedBy("GET", "HEAD", "PUT");
  return (path: string) => {
    if (path.startsWith("/api/")) return api;
    if (path === "/openapi.json") return document;
    return mounts.some((mount) => path.startsWith(`${mount.path}/`)) ? store : undefined;
  };
}

const notForwarded = () => Promise.resolve();

export type Sharing = ReturnType<ReturnType<typeof crossOrigin>>;
