import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { setTimeout as pause } from "node:timers/promises";
import { errorCode } from "../thrown.ts";
import { command, CommandFailure, EXIT, option } from "./command.ts";
import { readPidFile } from "./pid-file.ts";

/** In milliseconds. */
const TIMEOUT = 30_000;
const INTERVAL = 50;

export const reload = command({
  name: "reload",
  summary: "Let the running service read its configuration anew, and tell whether it did",
  options: {
    "pid-file": option("FILE", Schema.NonEmptyString, "the PID_FILE of the service", {
      isRequired: true,
      variable: "PID_FILE",
    }),
  },
  run: async ({ "pid-file": path }) => {
    const asked = Date.now();
    let status = find(path);
    signal(status.pid, "SIGHUP");
    while (status.begun < asked) {
      if (Date.now() > asked + TIMEOUT) {
        const message = `The service did not reload its configuration within ${TIMEOUT / 1000} seconds; see its log.`;
        throw new CommandFailure({ code: EXIT.couldNotRun, message });
      }
      await pause(INTERVAL);
      status = find(path);
      signal(status.pid, 0);
    }
    const { changed, refused } = status;
    if (refused !== undefined) {
      const message = `The configuration was not reloaded, and stays as it was: ${refused}.`;
      throw new CommandFailure({ code: EXIT.failure, message });
    }
    const names = changed.length === 0 ? "nothing changed" : `changed: ${changed.join(", ")}`;
    return { message: `The configuration was reloaded; ${names}.` };
  },
});

const find = (path: string) => Result.getOrThrowWith(readPidFile(path), notRunning);

function signal(pid: number, name: "SIGHUP" | 0): void {
  try {
    process.kill(pid, name);
  } catch (cause) {
    if (errorCode(cause) === "ESRCH") throw notRunning(`there is no process ${pid}`);
    const message = `Process ${pid} cannot be signalled (${errorCode(cause) ?? cause}).`;
    throw new CommandFailure({ code: EXIT.couldNotRun, message });
  }
}

const notRunning = (why: string) =>
  new CommandFailure({ code: EXIT.unavailable, message: `No service is running: ${why}.` });
