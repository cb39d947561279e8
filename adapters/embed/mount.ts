import { pathIn } from "../http/request-path.ts";
import type { LogEntry } from "./valetkey-options.ts";

/**
 * Tells the log, once, what to do where requests come with a path in front that `basePath` does
 * not name: they are answered with 404, and nobody would know why.
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

/** What is said of a mount that the options do not tell. */
export const wrongMount = (prefix: string) => ({
  message: `requests come under ${prefix}, so addresses that were given out lead nowhere: set basePath: "${prefix}"`,
  facts: {},
});

/** What a stranger may write into the log is short and plain. */
const MOUNTED = /^(\/[\w./~-]{1,100}?)\/api\/v1\/orgs\//;
