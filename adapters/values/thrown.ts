import { onOneLine } from "./printable.ts";

// Reads values thrown by other code. Under Jest, errors of Node are of another realm, so that
// `instanceof Error` is false.

export const isError = (thrown: unknown): thrown is Error =>
  typeof thrown === "object" &&
  thrown !== null &&
  "message" in thrown &&
  typeof thrown.message === "string";

/** Returns the message of an error, or the thrown value as text; some errors have only a code. */
export const errorMessage = (thrown: unknown): string =>
  isError(thrown) ? thrown.message || String(errorCode(thrown) ?? thrown.name) : String(thrown);

/** Returns the reason of a failure, for the operator, which this project's errors have. */
export const errorReason = (thrown: unknown): string =>
  isError(thrown) && "reason" in thrown ? String(thrown.reason) : errorMessage(thrown);

/**
 * Returns the reason why `fetch` failed, which its error has as cause. Queries are left out: Deno
 * names the URL, whose query can be a signature.
 */
export function fetchFailure(thrown: unknown): string {
  const cause = isError(thrown) && isError(thrown.cause) ? `: ${errorMessage(thrown.cause)}` : "";
  // A certificate can name whatever its owner likes.
  return onOneLine(`${errorMessage(thrown)}${cause}`.slice(0, 500).replaceAll(/\?[^\s)]*/g, ""));
}

/** Returns the code of an error of Node or a library, such as `ENOENT`. */
export const errorCode = (thrown: unknown): unknown =>
  typeof thrown === "object" && thrown !== null && "code" in thrown ? thrown.code : undefined;
