import * as Schema from "effect/Schema";
import {
  type Env,
  optional,
  type Read,
  readSettings,
  setting,
  type Values,
} from "../settings/setting.ts";

/** The variable of the audit. */
export const settings = {
  to: optional(
    setting("AUDIT", {
      codec: Schema.NonEmptyString,
      shape: "off, stdout, or the path of a file",
      example: "/var/log/valetkey/audit.jsonl",
    }),
  ),
};

/** `off`, `stdout` or a path; undefined where nobody has chosen. */
export type AuditSettings = Values<typeof settings>;

/** Reads the variable. */
export const read = (env: Env): Read<AuditSettings> => readSettings(settings, env);
