import * as Schema from "effect/Schema";
import {
  type Env,
  optional,
  type Read,
  readSettings,
  setting,
  type Values,
  withDefault,
} from "../settings/setting.ts";

/** Variables of the log. */
export const settings = {
  level: withDefault(
    setting("LOG_LEVEL", {
      codec: Schema.Literals(["debug", "info", "warn", "error", "none"]),
      shape: "debug, info, warn, error or none",
      example: "info",
    }),
    "info",
  ),
  format: optional(
    setting("LOG_FORMAT", {
      codec: Schema.Literals(["pretty", "json"]),
      shape: "pretty or json",
      example: "json",
    }),
  ),
};

/** What the log is configured with; without a format, a terminal gets `pretty` and all else `json`. */
export type TelemetrySettings = Values<typeof settings>;

/** Reads the variables. */
export const read = (env: Env): Read<TelemetrySettings> => readSettings(settings, env);
