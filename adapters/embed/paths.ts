import type { Valetkey } from "./valetkey.ts";

type Fetch = Valetkey["fetch"];

/**
 * Where a `fetch` answers, as patterns that Hono, Express and Fastify read alike. All else is the
 * host's.
 */
export const pathsOf = (fetch: Fetch): ReadonlyArray<string> =>
  elsewhere.has(fetch) ? PATHS : [...PATHS, "/store/*"];

/**
 * Whether a path is one of them, exactly as it was sent. One that would have to be rewritten first
 * is not: `/f/../api/v1/…` has passed a host's guard of `/api` as something else.
 */
export const isOurs = (path: string, fetch: Fetch): boolean =>
  OURS.test(path) && !REWRITTEN.test(path) && !(elsewhere.has(fetch) && path.startsWith("/store/"));

/** Tells of a `fetch` that serves no files, since their store is elsewhere. */
export const storeElsewhere = (fetch: Fetch): void => void elsewhere.add(fetch);

const elsewhere = new WeakSet<Fetch>();

const PATHS = ["/api/v1/orgs/:slug/files/*", "/f/*", "/openapi.json", "/docs", "/docs/*"] as const;

const OURS = /^\/(?:api\/v1\/orgs\/[^/]+\/files\/|f\/|store\/|openapi\.json$|docs(?:\/|$))/;

/** Escapes, of which no address of ours has any, and segments that lead elsewhere. */
const REWRITTEN = /[%\\]|\/\.{1,2}(?:\/|$)/;
