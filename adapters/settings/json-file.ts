import * as Result from "effect/Result";
import { readFileSync, statSync } from "node:fs";
import { codeOf } from "./thrown.ts";

/** Parses JSON; the reason of a failure never shows any of it. */
export const parseJson = (text: string): Result.Result<unknown, string> =>
  Result.try({ try: (): unknown => JSON.parse(text), catch: () => "is not JSON" });

/** The largest document that is read, in bytes. */
const LARGEST = 2 ** 20;

/** What is wrong with a file before it is read: a pipe would block, and be empty a second time. */
export const problemOf = (file: { isFile(): boolean; readonly size: number }): string | undefined =>
  file.isFile() && file.size <= LARGEST ? undefined : "is not a regular file of at most 1 MiB";

/** Reads a JSON file at the start of the service, or says why not. */
export function readJsonFile(path: string): Result.Result<unknown, string> {
  try {
    const problem = problemOf(statSync(path));
    return problem === undefined ? parseJson(readFileSync(path, "utf8")) : Result.fail(problem);
  } catch (cause) {
    return Result.fail(`cannot be read (${codeOf(cause) ?? cause})`);
  }
}
