import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schedule from "effect/Schedule";
import type * as Scope from "effect/Scope";
import { readFile, stat } from "node:fs/promises";
import { codeOf } from "./thrown.ts";
import { parseJson, problemOf } from "./json-file.ts";

/** How often a file is looked at for a change, in milliseconds. */
export const RECHECK = 5000;

/**
 * Tells what is in a JSON file whenever that has changed, for as long as the scope lasts. A file
 * that cannot be read changes nothing; the log says so once, and with `kept` what that means.
 */
export const watchJson = <A>(
  path: string,
  {
    decode,
    onChange,
    kept,
  }: {
    readonly decode: (json: unknown) => Result.Result<A, string>;
    readonly onChange: (value: A) => void;
    readonly kept: string;
  },
): Effect.Effect<void, never, Scope.Scope> => {
  let last: A | undefined;
  let said: string | undefined;
  const look = Effect.matchEffect(jsonIn(path, decode), {
    onSuccess: (value) =>
      Effect.sync(() => {
        said = undefined;
        if (value !== last) onChange(value);
        last = value;
      }),
    onFailure: (problem) => {
      if (problem === said) return Effect.void;
      said = problem;
      return Effect.logWarning(`${problem}; ${kept}`);
    },
  });
  return Effect.asVoid(Effect.forkScoped(Effect.repeat(look, Schedule.spaced(RECHECK))));
};

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
