import { isRewritten, pathIn } from "../http/addresses.ts";
import type { LogEntry } from "./valetkey-options.ts";

/**
 * Tells whether a path, exactly as it was sent, is one of `paths`. A path that must be normalized
 * first is not: `/f/../api/v1/…` has passed a host's guard of `/api` as something else.
 */
export function matcherOf(paths: ReadonlyArray<string>): (path: string) => boolean {
  const patterns = paths.map((path) => path.split("/"));
  const longest = Math.max(...patterns.map(({ length }) => length));
  return (path) => {
    if (isRewritten(path)) return false;
    const segments = path.split("/", longest + 1);
    return patterns.some((pattern) => matches(segments, pattern));
  };
}

const matches = (segments: ReadonlyArray<string>, pattern: ReadonlyArray<string>): boolean =>
  (segments.length === pattern.length ||
    (segments.length > pattern.length && pattern.at(-1) === "*")) &&
  pattern.every((part, at) =>
    part.startsWith(":") ? segments[at] !== "" : part === "*" || part === segments[at],
  );

/**
 * Logs once what to do if requests come with a path prefix that `basePath` does not name: they are
 * answered with 404 without an obvious reason.
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
    if (prefix !== undefined && !isOurs(path)) log({ level: "warn", ...wrongMount(prefix) });
  };
}

/** The message about a mount that the options do not name. */
export const wrongMount = (prefix: string) => ({
  message: `requests come under ${prefix}, so addresses that were given out lead nowhere: set basePath: "${prefix}"`,
  facts: {},
});

/** Text from strangers is logged only if it is short and plain. */
const MOUNTED = /^(\/[\w./~-]{1,100}?)\/api\/v1\/orgs\//;
