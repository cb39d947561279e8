import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schedule from "effect/Schedule";
import type * as Scope from "effect/Scope";
import { readFileSync, type Stats, statSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { observe, series } from "../values/metrics.ts";
import { errorCode, errorMessage } from "../values/thrown.ts";

/** Parses JSON. A failure shows nothing of the text. */
export const parseJson = (text: string): Result.Result<unknown, string> =>
  Result.try({ try: (): unknown => JSON.parse(text), catch: () => "is not JSON" });

/** In bytes; a larger file is not read. */
export const LARGEST_FILE = 2 ** 20;

/** Checked before reading: a pipe would block, and be empty a second time. */
const problemWith = (file: Stats): string | undefined =>
  file.isFile() && file.size <= LARGEST_FILE ? undefined : "is not a regular file of at most 1 MiB";

/** Returns the text of a file, or completes the sentence "the file …". Blocks, for settings. */
export const readSmallFile = (path: string): Result.Result<string, string> => {
  try {
    const problem = problemWith(statSync(path));
    return problem === undefined
      ? Result.succeed(readFileSync(path, "utf8"))
      : Result.fail(problem);
  } catch (cause) {
    return Result.fail(`cannot be read (${errorCode(cause) ?? cause})`);
  }
};

export const readJsonFile = (path: string): Result.Result<unknown, string> =>
  Result.flatMap(readSmallFile(path), parseJson);

/** Reads what a variable has itself, as JSON, or names as a file. Blocks, for settings. */
export const readDocument = (text: string) =>
  text.trimStart().startsWith("{")
    ? { where: "its value", path: undefined, json: parseJson(text) }
    : { where: `the file ${text}`, path: text, json: readJsonFile(text) };

/**
 * Milliseconds between two looks at a file, so that a change is in force within two seconds. A look
 * and not a watch: it sees a file that is replaced and a link that leads elsewhere, such as those of
 * Kubernetes, and works on disks over a network.
 */
export const RECHECK = 1000;

/**
 * Calls `onChange` when the content has changed, until the scope closes. While the file cannot be
 * used, the log says so once, followed by `kept`, a metric says so by `document`, and the returned
 * function says why.
 */
export const watchJson = <A>(
  path: string,
  watcher: {
    readonly document: "policies" | "stores" | "tokens";
    readonly decode: (json: unknown) => Result.Result<A, string>;
    readonly onChange: (value: A) => void;
    readonly kept: string;
  },
): Effect.Effect<() => string | undefined, never, Scope.Scope> => {
  let last: A | undefined;
  let problem: string | undefined;
  const look = Effect.matchEffect(jsonIn(path, watcher.decode), {
    onSuccess: (value) => {
      const isNews = problem !== undefined || value !== last;
      if (value !== last) watcher.onChange(value);
      problem = undefined;
      last = value;
      return isNews ? Effect.logInfo(`the file ${path} was read`) : Effect.void;
    },
    onFailure: (failure) => {
      if (failure === problem) return Effect.void;
      problem = failure;
      return Effect.logWarning(`${failure}; ${watcher.kept}`);
    },
  });
  return Effect.gen(function* () {
    yield* Effect.forkScoped(Effect.repeat(look, Schedule.spaced(RECHECK)));
    const { remove } = observe(yield* Effect.context<never>(), {
      metric: series("valetkey_document_fault", { document: watcher.document }),
      read: () => (problem === undefined ? 0 : 1),
    });
    yield* Effect.addFinalizer(() => Effect.sync(remove));
    return () => problem;
  });
};

/** Returns the same object while the file is the same. A failure shows nothing of the content. */
export function jsonIn<A>(
  path: string,
  decode: (json: unknown) => Result.Result<A, string>,
): Effect.Effect<A, string> {
  let last: { readonly text: string; readonly value: A } | undefined;
  return Effect.tryPromise({
    try: async () => {
      const problem = problemWith(await stat(path));
      if (problem !== undefined) throw new Error(`it ${problem}`);
      return readFile(path, "utf8");
    },
    catch: (cause) =>
      `the file ${path} cannot be read (${errorCode(cause) ?? errorMessage(cause)})`,
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
