import type { RefusalCode } from "./refusal.ts";
import { codeOf, messageOf } from "../../settings/thrown.ts";

/** What the store answers where it cannot do what it was asked, and what its operator reads. */
export interface Failure {
  readonly code: RefusalCode;
  readonly reason: string;
}

/** Reads a failure of the file system. */
export function failureOf(cause: unknown): Failure {
  const known = FAILURES.get(String(codeOf(cause)));
  const message = messageOf(cause);
  return known === undefined
    ? { code: "ServiceUnavailable", reason: message }
    : { code: known.code, reason: `${known.what} (${message})` };
}

const FULL = {
  code: "InsufficientStorage",
  what: "the disk is full; free some space, or move the folder of the store to a larger one",
} as const;
const FORBIDDEN = {
  code: "ServiceUnavailable",
  what: "the service may not write to the folder of the store; give its user the folder",
} as const;
const NO_HANDLES = {
  code: "SlowDown",
  what: "too many files are open; raise the limit of the process (ulimit -n)",
} as const;

const FAILURES = new Map<string, { readonly code: RefusalCode; readonly what: string }>([
  ["ENOSPC", FULL],
  ["EDQUOT", FULL],
  ["EMFILE", NO_HANDLES],
  ["ENFILE", NO_HANDLES],
  ["EACCES", FORBIDDEN],
  ["EPERM", FORBIDDEN],
  [
    "EROFS",
    {
      code: "ServiceUnavailable",
      what: "the folder of the store is read-only; mount it for writing",
    },
  ],
  [
    "ENOENT",
    {
      code: "ServiceUnavailable",
      what: "the folder of the store is gone; put it back, or restart for an empty one",
    },
  ],
]);
