import * as Schema from "effect/Schema";
import { closeSync, constants, openSync } from "node:fs";
import { fault, optional, type Read, readSettings, type Values } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import { codeOf } from "../thrown.ts";

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

// Without waiting, or a pipe that nobody reads would keep the service from starting.
const TO_APPEND =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/**
 * Reads the variable; a file that cannot be written is found now rather than with the first line.
 */
export const read = (source: Source): Read<Values<typeof settings>> =>
  readSettings(settings, source, ({ to }) => {
    if (to === undefined || !to.includes("/")) return [];
    try {
      closeSync(openSync(to, TO_APPEND, 0o600));
      return [];
    } catch (cause) {
      const reason = String(codeOf(cause) ?? cause);
      return [fault(settings.to, `names a file that cannot be written (${reason})`)];
    }
  });
