import * as Schema from "effect/Schema";
import { closeSync, constants, openSync } from "node:fs";
import { fault, optional, type Read, readSettings, type Values } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import { codeOf } from "../settings/thrown.ts";

/** Where the audit goes. */
export const settings = {
  to: optional({
    variable: "AUDIT",
    meaning: "Where decisions are recorded.",
    otherwise: "`stdout`; `off` under `AUTH=dev`",
    codec: Schema.String.check(Schema.isPattern(/^(?:off|stdout|[^/\n]*\/.*)$/)),
    shape: "off, stdout, or the path of a file, with a slash in it",
    example: "/var/log/valetkey/audit.jsonl",
  }),
};

/** `off`, `stdout` or a path; undefined where nobody has chosen. */
export type AuditSettings = Values<typeof settings>;

/** Reads the variable; a file that cannot be written is found now rather than with the first line. */
export const read = (source: Source): Read<AuditSettings> =>
  readSettings(settings, source, ({ to }) => {
    if (to === undefined || !to.includes("/")) return [];
    try {
      // Without waiting, or a pipe that nobody reads would keep the service from starting.
      closeSync(
        openSync(
          to,
          constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK,
          0o600,
        ),
      );
      return [];
    } catch (cause) {
      return [
        fault(settings.to, `names a file that cannot be written (${codeOf(cause) ?? cause})`),
      ];
    }
  });
