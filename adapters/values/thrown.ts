// Values that other code has thrown. Under Jest the service and Node have different realms, so that
// `instanceof Error` is false for errors of Node.

export const isError = (thrown: unknown): thrown is Error =>
  typeof thrown === "object" &&
  thrown !== null &&
  "message" in thrown &&
  typeof thrown.message === "string";

/** The message of an error, or whatever else was thrown; some errors have a code alone. */
export const errorMessage = (thrown: unknown): string =>
  isError(thrown) ? thrown.message || String(errorCode(thrown) ?? thrown.name) : String(thrown);

/** The reason of a failure, for the operator: our own errors have it in `reason`. */
export const errorReason = (thrown: unknown): string =>
  isError(thrown) && "reason" in thrown ? String(thrown.reason) : errorMessage(thrown);

/**
 * The reason that `fetch` failed, which is in the cause of its error. Deno names the URL there, whose
 * query can be a signature, so queries are left out.
 */
export function fetchFailure(thrown: unknown): string {
  const cause = isError(thrown) && isError(thrown.cause) ? `: ${errorMessage(thrown.cause)}` : "";
  return `${errorMessage(thrown)}${cause}`.replaceAll(/\?[^\s)]*/g, "");
}

/** The code that Node or a library has given to what went wrong, such as `ENOENT`. */
export const errorCode = (thrown: unknown): unknown =>
  typeof thrown === "object" && thrown !== null && "code" in thrown ? thrown.code : undefined;
