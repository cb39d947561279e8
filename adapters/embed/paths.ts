/** Where every `Valetkey` answers, as patterns that Hono, Express and Fastify read alike. */
export const PATHS = [
  "/api/v1/orgs/:slug/files/*",
  "/f/*",
  "/openapi.json",
  "/docs",
  "/docs/*",
] as const;

/**
 * Tells whether a path is one of `paths`, exactly as it was sent. One that would have to be
 * rewritten first is not: `/f/../api/v1/…` has passed a host's guard of `/api` as something else.
 */
export function matcherOf(paths: ReadonlyArray<string>): (path: string) => boolean {
  const patterns = paths.map((path) =>
    path.replaceAll(".", "\\.").replace(/:\w+/, "[^/]+").replace("*", ".*"),
  );
  const ours = new RegExp(`^(?:${patterns.join("|")})$`);
  return (path) => ours.test(path) && !REWRITTEN.test(path);
}

/** Escapes, of which no address of ours has any, and segments that lead elsewhere. */
const REWRITTEN = /[%\\]|\/\.{1,2}(?:\/|$)/;
