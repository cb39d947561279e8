/**
 * Where `fetch` of a `Valetkey` answers, as patterns that Hono, Express and Fastify read alike.
 * All else is the host's.
 */
export const PATHS = [
  "/api/v1/orgs/:slug/files/*",
  "/f/*",
  "/store/*",
  "/openapi.json",
  "/docs",
  "/docs/*",
] as const;

/** Whether a path is one of them. */
export const isOurs = (path: string): boolean => OURS.test(path);

const OURS = /^\/(?:api\/v1\/orgs\/[^/]+\/files\/|f\/|store\/|openapi\.json$|docs(?:\/|$))/;
