import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import { readFile, stat } from "node:fs/promises";
import { codeOf } from "../settings/thrown.ts";
import { parseJson, problemOf } from "./parse.ts";

/** How often a file is looked at for a change, in milliseconds. */
export const RECHECK = 5000;

/**
 * What is in a JSON file at the moment; one object for as long as the file is the same. Fails
 * with what is wrong, and nothing that the file holds.
 */
export function jsonIn<A>(
  path: string,
  decode: (json: unknown) => Result.Result<A, string>,
): Effect.Effect<A, string> {
  let last: { readonly text: string; readonly value: A } | undefined;
  return Effect.tryPromise({
    try: async () => {
      const problem = problemOf(await stat(path));
      if (problem !== undefined) throw new Error(problem);
      return readFile(path, "utf8");
    },
    catch: (cause) => `the file ${path} cannot be read (${codeOf(cause) ?? cause})`,
  }).pipe(
    Effect.flatMap((text) => {
      if (text === last?.text) return Effect.succeed(last.value);
      const decoded = Result.flatMap(parseJson(text), decode);
      if (Result.isFailure(decoded)) return Effect.fail(`the file ${path} ${decoded.failure}`);
      last = { text, value: decoded.success };
      return Effect.succeed(decoded.success);
    }),
  );
}
