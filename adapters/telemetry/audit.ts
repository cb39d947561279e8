import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import { closeSync, constants, openSync } from "node:fs";
import { Audit, type AuditEvent } from "../../application/ports/audit.ts";
import { fault, onOff, optional, readSettings, withDefault } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import { errorCode } from "../values/thrown.ts";
import { isoText } from "../values/time.ts";
import { appendTo } from "./append.ts";
import { writeLine } from "./standard-output.ts";

export const settings = {
  to: optional({
    variable: "AUDIT",
    meaning: "Where decisions are recorded.",
    otherwise: "`stdout`; `off` under `AUTH=dev`",
    codec: Schema.String.check(Schema.isPattern(/^(?:off|stdout|[^/\n]*\/.*)$/)),
    shape: "off, stdout, or the path of a file, with a slash in it",
    example: "/var/log/valetkey/audit.jsonl",
  }),
  withMetadata: withDefault(false, {
    ...onOff("it may tell of persons"),
    variable: "AUDIT_METADATA",
    meaning: "Records decisions with the metadata of uploads.",
  }),
};

// Without waiting, or a pipe that nobody reads would keep the service from starting.
const TO_APPEND =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/** Reads the setting; a file that cannot be written is found now, not with the first line. */
export const read = (source: Source) =>
  readSettings(settings, source, ({ to }) => {
    if (to === undefined || !to.includes("/")) return [];
    try {
      closeSync(openSync(to, TO_APPEND, 0o600));
      return [];
    } catch (cause) {
      const reason = String(errorCode(cause) ?? cause);
      return [fault(settings.to, `names a file that cannot be written (${reason})`)];
    }
  });

/** Writes each decision as a line of JSON: to `stdout`, to the file of that path, or not if `off`. */
export function layer(to: string, withMetadata = false): Layer.Layer<never> {
  const lineFrom = lineWith(withMetadata);
  if (to === "off") return Layer.empty;
  if (to === "stdout") {
    return Layer.succeed(Audit, (event) => Effect.sync(() => writeLine(lineFrom(event))));
  }
  return Layer.effect(
    Audit,
    Effect.map(appendTo(to), (append) => (event: AuditEvent) => append(`${lineFrom(event)}\n`)),
  );
}

/** JSON escapes line ends, so it is always one line. */
const lineWith = (withMetadata: boolean) => (event: AuditEvent) => {
  const { at, action, refusal, principal, slug, organization, policy, key, size, mediaType } =
    event;
  return JSON.stringify({
    time: isoText(at.epochMilliseconds),
    audit: action,
    decision: refusal === undefined ? "granted" : "refused",
    code: refusal,
    subject: principal?.subject,
    kind: principal?.kind,
    slug,
    organization,
    policy,
    key,
    size,
    content_type: mediaType,
    metadata: withMetadata ? event.metadata : undefined,
    finding: event.finding,
    address: event.address,
    request_id: event.requestId,
  });
};
