import { oneOf, optional, readSettings, type Values, withDefault } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";

/** Settings of the log. */
export const settings = {
  level: withDefault("info", {
    ...oneOf(["debug", "info", "warn", "error", "none"], {
      debug: ["all", "loud", "trace", "verbose"],
      warn: ["warning"],
      error: ["fatal"],
      none: ["off", "quiet", "silent"],
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

/**
 * What the log is configured with; without a format, a terminal gets `pretty` and all else `json`.
 */
export type TelemetrySettings = Values<typeof settings>;

/** Reads the settings. */
export const read = (source: Source) => readSettings(settings, source);
