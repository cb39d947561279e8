/**
 * The environment in which Node keeps what it has compiled: the tests start the service some
 * hundred times, and half of what a start costs is to compile the same files again.
 */
export const COMPILE_CACHE = {
  NODE_COMPILE_CACHE: new URL("../../node_modules/.cache/compiled", import.meta.url).pathname,
} as const;
