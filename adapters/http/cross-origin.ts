import * as Effect from "effect/Effect";
import { cors } from "hono/cors";
import { passOn } from "./answer.ts";
import type { HttpContext } from "./env.ts";
import type { AppOptions } from "./route.ts";

const EXPOSED = ["ETag", "X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy"].join(", ");

/** How many origins the log warns about; anybody can make up more. */
const MAX_WARNINGS = 100;

/** Adds to the answer what pages of other origins need, or answers their preflight. */
export type Sharing = (c: HttpContext) => Promise<Response | void> | undefined;

/**
 * How a path is shared with pages of `corsOrigins` (Fetch Standard, CORS protocol). The log warns
 * once about each other origin; the service's own needs no permission.
 */
export function crossOrigin(options: AppOptions): (path: string) => Sharing {
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
  const sharedBy = (...allowMethods: Array<string>): Sharing => {
    const preflight = cors({ origin: [...origins], allowMethods, maxAge: 600 });
    return (c) => {
      const origin = c.req.header("Origin");
      const isAllowed = origin !== undefined && origins.includes(origin);
      if (origin !== undefined && !isAllowed) warnAbout(origin, c.get("requestId"));
      if (c.req.method === "OPTIONS") {
        return preflight(c, notForwarded).then((answer) => answer && passOn(c, answer));
      }
      const headers = c.get("answerHeaders");
      headers["Vary"] = "Origin";
      if (isAllowed) {
        headers["Access-Control-Allow-Origin"] = origin;
        headers["Access-Control-Expose-Headers"] = EXPOSED;
      }
      return undefined;
    };
  };
  const ofApi = sharedBy("GET", "POST", "DELETE");
  const ofDocument = sharedBy("GET", "HEAD");
  const ofStore = sharedBy("GET", "HEAD", "PUT", "POST");
  return (path) => {
    if (path.startsWith("/api/")) return ofApi;
    if (path === "/openapi.json") return ofDocument;
    return mounts.some((mount) => path.startsWith(`${mount.path}/`)) ? ofStore : notShared;
  };
}

const notShared: Sharing = () => undefined;
/** A preflight is answered and goes nowhere. */
const notForwarded = () => Promise.resolve();
