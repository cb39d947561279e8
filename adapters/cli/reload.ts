import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { readJsonFile } from "../json/json-file.ts";
import { errorCode } from "../thrown.ts";
import { command, CommandFailure, EXIT, option } from "./command.ts";
import { Outcome, outcomeFile } from "./pid-file.ts";

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
    const pid = readPid(path);
    signal(pid, "SIGHUP", path);
    while (Date.now() < asked + TIMEOUT) {
      const { begun, changed, refused } = readOutcome(path);
      if (begun >= asked) {
        if (refused === undefined) {
          const names = changed.length === 0 ? "nothing changed" : `changed: ${changed.join(", ")}`;
          return { message: `The configuration was reloaded; ${names}.` };
        }
        const message = `The configuration was not reloaded, and stays as it was: ${refused}.`;
        throw new CommandFailure({ code: EXIT.failure, message });
      }
      signal(pid, 0, path);
      await pause(INTERVAL);
    }
    const message = `The service did not reload its configuration within ${TIMEOUT / 1000} seconds; see its log.`;
    throw new CommandFailure({ code: EXIT.couldNotRun, message });
  },
});

function readPid(path: string): number {
  try {
    const text = readFileSync(path, "utf8");
    if (/^[1-9]\d*\n$/.test(text)) return Number(text);
    throw new CommandFailure({ code: EXIT.usage, message: `${path} holds no process id.` });
  } catch (cause) {
    if (cause instanceof CommandFailure) throw cause;
    throw notRunning(`${path} cannot be read (${errorCode(cause) ?? cause})`);
  }
}

function signal(pid: number, name: "SIGHUP" | 0, path: string): void {
  try {
    process.kill(pid, name);
  } catch (cause) {
    if (errorCode(cause) === "ESRCH")
      throw notRunning(`there is no process ${pid}, which ${path} names`);
    const message = `Process ${pid} cannot be signalled (${errorCode(cause) ?? cause}).`;
    throw new CommandFailure({ code: EXIT.couldNotRun, message });
  }
}

const notRunning = (why: string) =>
  new CommandFailure({ code: EXIT.unavailable, message: `No service is running: ${why}.` });

const decode = Schema.decodeUnknownResult(Outcome);
const NONE_YET: Outcome = { begun: 0, changed: [] };

const readOutcome = (path: string): Outcome =>
  Result.getOrElse(Result.flatMap(readJsonFile(outcomeFile(path)), decode), () => NONE_YET);
