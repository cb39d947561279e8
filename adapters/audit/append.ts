import * as Effect from "effect/Effect";
import { appendFile } from "node:fs/promises";

/** How much waits for a file that cannot be written, in characters. */
const LIMIT = 8 * 1024 * 1024;

/** How long it is left alone after that, in milliseconds. */
const PAUSE = 1000;

/** How long the service waits at its end for what is not written yet. */
const LAST_WORDS = "2 seconds";

/**
 * Appends lines to a file, in order, many at a time. It is opened anew for each batch, so that
 * one which was moved away by a rotation is left behind at once. What cannot be written waits,
 * and past 8 MiB it is dropped; the log says so.
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
          if (isFailing)
            log(Effect.logWarning(`the audit is written to ${path} again`, { dropped }));
          isFailing = false;
          dropped = 0;
        } catch (cause) {
          // Part of it may be there, so that what comes now begins on a line of its own.
          waiting = `\n${batch.trimStart()}${waiting}`;
          if (!isFailing)
            log(
              Effect.logError(`the audit cannot be written to ${path} and waits: ${String(cause)}`),
            );
          isFailing = true;
          return;
        }
      }
    };
    const flush = () => {
      writing ??= write().finally(() => {
        writing = undefined;
        if (waiting !== "") setTimeout(flush, PAUSE).unref();
      });
      return writing;
    };
    yield* Effect.addFinalizer(() => Effect.timeoutOption(Effect.promise(flush), LAST_WORDS));
    return (line: string): Effect.Effect<void> =>
      Effect.sync(() => {
        if (waiting.length + line.length <= LIMIT) waiting += line;
        else if (dropped++ === 0)
          log(
            Effect.logError(`the audit drops lines, since too many wait to be written to ${path}`),
          );
        if (!isFailing) void flush();
      });
  });
