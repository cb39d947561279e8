import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { parseJson, readSmallFile } from "../json/json-file.ts";
import { optional } from "../settings/setting.ts";
import { errorReason } from "../thrown.ts";

export const settings = {
  path: optional({
    variable: "PID_FILE",
    meaning:
      "Where the service writes its process id, and below it the outcome of the last [reload](reload.md), for `valetkey reload`.",
    otherwise: "none",
    codec: Schema.NonEmptyString,
    shape: "the path of a file, in a folder that the service may write to",
    example: "/run/valetkey/valetkey.pid",
  }),
};

const Status = Schema.Struct({
  pid: Schema.Int.check(Schema.isGreaterThan(0)),
  /** Tells the process from a later one with its id, where the system says when it started. */
  start: Schema.optionalKey(Schema.String),
  /** When the last reload began, in milliseconds since 1970; 0 before the first. */
  begun: Schema.Number,
  /** The variables that it changed. */
  changed: Schema.Array(Schema.String),
  /** The reason, if it was refused. */
  refused: Schema.optionalKey(Schema.String),
});
export type Status = typeof Status.Type;
export type Outcome = Omit<Status, "pid" | "start">;

/** Writes the file until the scope closes; the function that it gives writes an outcome to it. */
export const keepPidFile = Effect.fnUntraced(function* (path: string | undefined) {
  if (path === undefined) return () => Effect.void;
  const process = { pid: globalThis.process.pid, ...processStart("self") };
  const write = (outcome: Outcome) =>
    Effect.try(() => {
      // The first line is for everybody else. Whoever reads it meanwhile sees the old file or the new.
      writeFileSync(
        `${path}.new`,
        `${process.pid}\n${JSON.stringify({ ...process, ...outcome })}\n`,
      );
      renameSync(`${path}.new`, path);
    }).pipe(
      Effect.catch(({ cause }) =>
        Effect.logWarning("PID_FILE cannot be written", { reason: errorReason(cause) }),
      ),
    );
  const remove = Effect.ignore(Effect.try(() => rmSync(path, { force: true })));
  yield* Effect.acquireRelease(write({ begun: 0, changed: [] }), () => remove);
  return write;
});

/** Reads the file of a service that runs, or fails with the reason why none does. */
export const readPidFile = (path: string): Result.Result<Status, string> =>
  readSmallFile(path).pipe(
    Result.flatMap((text) => parseJson(text.slice(text.indexOf("\n")))),
    Result.flatMap((json) => Result.mapError(decode(json), () => "is not one of Valetkey")),
    Result.filterOrFail(
      ({ pid, start }) => start === undefined || start === processStart(pid).start,
      ({ pid }) => `names process ${pid}, which is another one by now`,
    ),
    Result.mapError((problem) => `the file ${path} ${problem}`),
  );

const decode = Schema.decodeUnknownResult(Status);

/** Reads when a process started, in ticks since the machine did. Only Linux tells. */
function processStart(pid: number | "self"): Pick<Status, "start"> {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is a name in parentheses, which can hold anything.
    return { start: text.slice(text.lastIndexOf(")")).split(" ")[20] ?? "" };
  } catch {
    return {};
  }
}
