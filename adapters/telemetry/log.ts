import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import type * as LogLevel from "effect/LogLevel";
import * as References from "effect/References";
import { isoText } from "../values/time.ts";
import { onOneLine } from "../values/printable.ts";
import { oneOf, optional, readSettings, type Values, withDefault } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import { writeLine } from "./standard-output.ts";

export const settings = {
  level: withDefault("info", {
    ...oneOf(["debug", "info", "warn", "error", "none"], {
      debug: ["all", "loud", "trace", "verbose"],
      warn: ["warning"],
      error: ["fatal"],
      none: ["off", "quiet", "silent"],
    }),
    variable: "LOG_LEVEL",
    meaning:
      "What is written to the log; `debug` also has requests for files of the page at `/`. In the package: the option `log`.",
    example: "info",
  }),
  format: optional({
    ...oneOf(["pretty", "json"]),
    variable: "LOG_FORMAT",
    meaning: "How the log is written.",
    otherwise: "`pretty` on a terminal, else `json`",
    example: "json",
  }),
};

/** The configuration of the log; without a format, a terminal gets `pretty` and all else `json`. */
export type TelemetrySettings = Values<typeof settings>;

export const read = (source: Source) => readSettings(settings, source);

const LEVELS = {
  debug: "Debug",
  info: "Info",
  warn: "Warn",
  error: "Error",
  none: "None",
} as const satisfies Record<TelemetrySettings["level"], LogLevel.LogLevel>;

export function layer({ level, format }: TelemetrySettings): Layer.Layer<never> {
  return Layer.merge(
    Logger.layer([Logger.map(isForPeople(format) ? forPeople : forMachines, writeLine)]),
    Layer.succeed(References.MinimumLogLevel, LEVELS[level]),
  );
}

export const isForPeople = (format: TelemetrySettings["format"]): boolean =>
  format === undefined ? process.stdout.isTTY : format === "pretty";

const forPeople = Logger.make<unknown, string>(({ date, logLevel, message }) => {
  const { text, facts } = splitMessage(message);
  const level = logLevel === "Info" ? "" : `${logLevel.toUpperCase()} `;
  const pairs = Object.entries(facts).map(([name, value]) => ` ${name}=${String(value)}`);
  return onOneLine(`${date.toISOString().slice(11, 19)} ${level}${text}${pairs.join("")}`);
});

const forMachines = Logger.make<unknown, string>(({ date, logLevel, message }) => {
  const { text, facts } = splitMessage(message);
  return JSON.stringify({
    time: isoText(date.getTime()),
    level: logLevel.toLowerCase(),
    message: text,
    ...facts,
  });
});

export function splitMessage(message: unknown) {
  const [text, second] = Array.isArray(message) ? message : [message];
  const facts: Readonly<Record<string, unknown>> = typeof second === "object" ? { ...second } : {};
  return { text: String(text), facts };
}
