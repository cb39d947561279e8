import { isRewritten, pathIn } from "../http/addresses.ts";
import type { LogEntry } from "./valetkey-options.ts";

/**
 * Tells whether a path, exactly as it was sent, is one of `paths`. A path that must be normalized
 * first is not: a host that guards `/api` does not recognize `/f/../api/v1/…`.
 */
export function pathMatcher(paths: ReadonlyArray<string>): (path: string) => boolean {
  const patterns = paths.map((path) => path.split("/"));
  return (path) => {
    if (isRewritten(path)) return false;
    const segments = path.split("/");
    return patterns.some((pattern) => matches(segments, pattern));
  };
}

// Not Hono's router, for which "/store/*" has "/store" too, which is the host's.
const matches = (segments: ReadonlyArray<string>, pattern: ReadonlyArray<string>): boolean =>
  (segments.length === pattern.length || pattern.at(-1) === "*") &&
  pattern.every((part, at) =>
    part.startsWith(":")
      ? segments[at]
      : part === segments[at] || (part === "*" && at < segments.length),
  );

/**
 * Logs once what to do if requests come with a path prefix that `basePath` does not name, since the
 * addresses in answers lack the prefix.
 */
export function mountTeller(
  isOurs: (path: string) => boolean,
  log: (entry: LogEntry) => unknown,
): (url: string) => void {
  let isKnown = false;
  return (url) => {
    if (isKnown) return;
    const path = pathIn(url);
    const [, prefix] = MOUNTED.exec(path) ?? [];
    isKnown = prefix !== undefined || isOurs(path);
    if (prefix === undefined || isOurs(path)) return;
    const message = `requests come under ${prefix}, so addresses in answers lead nowhere: set basePath: "${prefix}"`;
    log({ level: "warn", message, facts: {} });
  };
}

/** Text from strangers is logged only if it is short and plain. */
const MOUNTED = /^(\/[\w./~-]{1,100}?)\/api\/v1\/orgs\//;
