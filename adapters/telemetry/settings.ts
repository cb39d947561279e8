import {
  oneOf,
  optional,
  type Read,
  readSettings,
  type Values,
  withDefault,
} from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";

/** Settings of the log. */
export const settings = {
  level: withDefault("info", {
    ...oneOf(["debug", "info", "warn", "error", "none"], {
      all: "debug",
      loud: "debug",
      trace: "debug",
      verbose: "debug",
      warning: "warn",
      fatal: "error",
      off: "none",
      quiet: "none",
      silent: "none",
    }),
    variable: "LOG_LEVEL",
    meaning: "What is written to the log. In the package: the option `log`.",
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

/** What the log is configured with; without a format, a terminal gets `pretty` and all else `json`. */
export type TelemetrySettings = Values<typeof settings>;

/** Reads the settings. */
export const read = (source: Source): Read<TelemetrySettings> => readSettings(settings, source);
