import type { RefusalCode } from "./refusal.ts";
import { codeOf, messageOf } from "../../thrown.ts";

/** A failure of the store: the code for the client, and the reason for the operator. */
export interface Failure {
  readonly code: RefusalCode;
  readonly reason: string;
}

/** The failure that an error of the file system means. */
export function failureOf(cause: unknown): Failure {
  const message = messageOf(cause);
  const [code, problem] = FAILURES.get(codeOf(cause)) ?? ["ServiceUnavailable"];
  return { code, reason: problem === undefined ? message : `${problem} (${message})` };
}

const FULL = [
  "InsufficientStorage",
  "the disk is full; free some space, or move the folder of the store to a larger one",
] as const;
const FORBIDDEN = [
  "ServiceUnavailable",
  "the service may not write to the folder of the store; give its user the folder",
] as const;
const READ_ONLY = [
  "ServiceUnavailable",
  "the folder of the store is read-only; mount it for writing",
] as const;
const GONE = [
  "ServiceUnavailable",
  "the folder of the store is gone; put it back, or restart for an empty one",
] as const;
const NO_HANDLES = [
  "SlowDown",
  "too many files are open; raise the limit of the process (ulimit -n)",
] as const;

const FAILURES = new Map<unknown, readonly [code: RefusalCode, problem?: string]>([
  ["ENOSPC", FULL],
  ["EDQUOT", FULL],
  ["EMFILE", NO_HANDLES],
  ["ENFILE", NO_HANDLES],
  ["EACCES", FORBIDDEN],
  ["EPERM", FORBIDDEN],
  ["EROFS", READ_ONLY],
  ["ENOENT", GONE],
]);
