import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { optional } from "../settings/setting.ts";

export const settings = {
  path: optional({
    variable: "PID_FILE",
    meaning:
      "Where the service writes its process id, and beside it the outcome of each [reload](reload.md), for `valetkey reload`.",
    otherwise: "none",
    codec: Schema.NonEmptyString,
    shape: "the path of a file, in a folder that the service may write to",
    example: "/run/valetkey/valetkey.pid",
  }),
};

/** The outcome of a reload. */
export const Outcome = Schema.Struct({
  /** Milliseconds since 1970. */
  begun: Schema.Number,
  /** The variables that changed. */
  changed: Schema.Array(Schema.String),
  /** The reason, if it was refused. */
  refused: Schema.optionalKey(Schema.String),
});
export type Outcome = typeof Outcome.Type;

export const outcomeFile = (path: string): string => `${path}.reload`;

/** Writes the file until the scope closes; the function that it gives writes outcomes beside it. */
export const keepPidFile = Effect.fnUntraced(function* (path: string | undefined) {
  if (path === undefined) return () => undefined;
  yield* Effect.acquireRelease(
    Effect.sync(() => write(path, `${process.pid}\n`)),
    () =>
      Effect.sync(() => [path, outcomeFile(path)].forEach((file) => rmSync(file, { force: true }))),
  );
  return (outcome: Outcome) => write(outcomeFile(path), JSON.stringify(outcome));
});

/** Whoever reads it meanwhile sees the old file or the new one. */
function write(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
