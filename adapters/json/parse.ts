import * as Result from "effect/Result";
import { readFileSync } from "node:fs";

/** Parses JSON; the reason of a failure never shows any of it. */
export const parseJson = (text: string): Result.Result<unknown, string> =>
  Result.try({ try: (): unknown => JSON.parse(text), catch: () => "is not JSON" });

/** Reads a JSON file at the start of the service, or says why not. */
export const readJsonFile = (path: string): Result.Result<unknown, string> =>
  Result.flatMap(
    Result.try({
      try: () => readFileSync(path, "utf8"),
      catch: (cause) => `cannot be read (${codeOf(cause)})`,
    }),
    parseJson,
  );

/** The system's code for what went wrong with a file. */
export const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
