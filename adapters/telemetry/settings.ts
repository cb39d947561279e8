import {
  choice,
  type Env,
  optional,
  type Read,
  readSettings,
  type Values,
  withDefault,
} from "../settings/setting.ts";

/** Variables of the log. */
export const settings = {
  level: withDefault(
    choice("LOG_LEVEL", ["debug", "info", "warn", "error", "none"], {
      example: "info",
      meant: {
        all: "debug",
        loud: "debug",
        trace: "debug",
        verbose: "debug",
        warning: "warn",
        fatal: "error",
        off: "none",
        quiet: "none",
        silent: "none",
      },
    }),
    "info",
  ),
  format: optional(choice("LOG_FORMAT", ["pretty", "json"], { example: "json" })),
};

/** What the log is configured with; without a format, a terminal gets `pretty` and all else `json`. */
export type TelemetrySettings = Values<typeof settings>;

/** Reads the variables. */
export const read = (env: Env): Read<TelemetrySettings> => readSettings(settings, env);
