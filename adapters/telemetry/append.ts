import * as Effect from "effect/Effect";
import { appendFile } from "node:fs/promises";

/** Most characters that wait to be written. */
const MAX_WAITING = 8 * 1024 * 1024;

/** Pause after a failed write, in milliseconds. */
const RETRY_INTERVAL = 1000;

/** Longest wait at shutdown for the rest to be written. */
const FLUSH_TIMEOUT = "2 seconds";

/**
 * Appends lines to a file, in order, many at a time. The file is opened for each batch, so that a
 * file moved by log rotation gets no further lines. What cannot be written waits; beyond 8 MiB
 * lines are dropped, and the log says so.
 */
export const appendTo = (path: string) =>
  Effect.gen(function* () {
    const log = Effect.runForkWith(yield* Effect.context());
    let waiting = "";
    let dropped = 0;
    let isFailing = false;
    let writing: Promise<void> | undefined;

    const write = async () => {
      while (waiting !== "") {
        const batch = waiting;
        waiting = "";
        try {
          await appendFile(path, batch, { mode: 0o600 });
        } catch (cause) {
          // Part of the batch may be written: the rest begins on a line of its own.
          waiting = `\n${batch.trimStart()}${waiting}`;
          const problem = `the audit cannot be written to ${path} and waits: ${String(cause)}`;
          if (!isFailing) log(Effect.logError(problem));
          isFailing = true;
          return;
        }
        if (isFailing) log(Effect.logWarning(`the audit is written to ${path} again`, { dropped }));
        isFailing = false;
        dropped = 0;
      }
    };
    const flush = () => {
      writing ??= write().finally(() => {
        writing = undefined;
        if (waiting !== "") setTimeout(flush, RETRY_INTERVAL).unref();
      });
      return writing;
    };
    yield* Effect.addFinalizer(() => Effect.timeoutOption(Effect.promise(flush), FLUSH_TIMEOUT));
    const full = `the audit drops lines, since too many wait to be written to ${path}`;
    return (line: string): Effect.Effect<void> =>
      Effect.sync(() => {
        if (waiting.length + line.length <= MAX_WAITING) waiting += line;
        else if (dropped++ === 0) log(Effect.logError(full));
        if (!isFailing) void flush();
      });
  });
