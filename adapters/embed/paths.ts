import { isRewritten } from "../http/request-path.ts";

/**
 * Tells whether a path is one of `paths`, exactly as it was sent. One that would have to be
 * rewritten first is not: `/f/../api/v1/…` has passed a host's guard of `/api` as something else.
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
