import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as References from "effect/References";
import { partsOf } from "../telemetry/line.ts";
import type { LogEntry } from "./valetkey-options.ts";

/** Hands the log to the host, or warnings and errors to the console. */
export const logTo = (log: ((entry: LogEntry) => void) | undefined): Layer.Layer<never> =>
  Layer.merge(
    Logger.layer([
      Logger.make<unknown, void>(({ logLevel, message }) => {
        const { text, facts } = partsOf(message);
        (log ?? toConsole)({ level: LEVELS.get(logLevel) ?? "debug", message: text, facts });
      }),
    ]),
    Layer.succeed(References.MinimumLogLevel, log === undefined ? "Warn" : "Debug"),
  );

const LEVELS: ReadonlyMap<string, LogEntry["level"]> = new Map([
  ["Info", "info"],
  ["Warn", "warn"],
  ["Error", "error"],
  ["Fatal", "error"],
]);

/** As a line for people. */
export function toConsole({ level, message, facts }: LogEntry): void {
  const pairs = Object.entries(facts).map(([name, value]) => ` ${name}=${String(value)}`);
  console[level](`valetkey: ${message}${pairs.join("")}`);
}
