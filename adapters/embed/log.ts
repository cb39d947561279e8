import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as References from "effect/References";
import { splitMessage } from "../telemetry/log.ts";
import type { LogEntry } from "./valetkey-options.ts";

/** Hands the log to the host, or warnings and errors to the console. */
export function logTo(log: ((entry: LogEntry) => void) | undefined): Layer.Layer<never> {
  const write = logFrom(log);
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
    const { text, facts } = splitMessage(message);
    write({ level: LEVELS.get(logLevel) ?? "debug", message: text, facts });
  });
  const lowest = log === undefined ? "Warn" : "Debug";
  return Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, lowest));
}

/** A log that never fails: neither a request nor the process ends because the host's own does. */
export const logFrom = (
  log: ((entry: LogEntry) => unknown) | undefined,
): ((entry: LogEntry) => unknown) =>
  log === undefined
    ? toConsole
    : async (entry) => {
        try {
          await log(entry);
        } catch (cause) {
          toConsole({ level: "error", message: "log() failed", facts: { cause } });
        }
      };

const LEVELS: ReadonlyMap<string, LogEntry["level"]> = new Map([
  ["Info", "info"],
  ["Warn", "warn"],
  ["Error", "error"],
  ["Fatal", "error"],
]);

export function toConsole({ level, message, facts }: LogEntry): void {
  const pairs = Object.entries(facts).map(([name, value]) => ` ${name}=${String(value)}`);
  console[level](`valetkey: ${message}${pairs.join("")}`);
}
