// What code that is not ours has thrown. Where a service runs in a realm of its own, as under
// Jest, the errors of Node are of another, and `instanceof Error` does not know them.

/** Whether something that was thrown is an error, of whatever realm. */
export const isError = (thrown: unknown): thrown is Error =>
  typeof thrown === "object" &&
  thrown !== null &&
  "message" in thrown &&
  typeof thrown.message === "string";

/** What an error says, or whatever else was thrown. */
export const messageOf = (thrown: unknown): string =>
  isError(thrown) ? thrown.message : String(thrown);

/** The code that Node or a library has given to what went wrong, such as `ENOENT`. */
export const codeOf = (thrown: unknown): unknown =>
  typeof thrown === "object" && thrown !== null && "code" in thrown ? thrown.code : undefined;
