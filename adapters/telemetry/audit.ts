import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { Audit, type AuditEvent } from "../../application/ports/audit.ts";
import { onOff, oneOf, optional, readSettings, withDefault } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import { isoText } from "../values/time.ts";
import { type StandardStream, writeLine } from "./standard-output.ts";

export const settings = {
  to: optional({
    ...oneOf(["off", "stdout", "stderr"]),
    variable: "AUDIT",
    meaning: "Where decisions are recorded.",
    otherwise: "`stdout`; `off` under `AUTH=dev`",
    example: "stdout",
  }),
  withMetadata: withDefault(false, {
    ...onOff("it may tell of persons"),
    variable: "AUDIT_METADATA",
    meaning: "Records decisions with the metadata and the `path` of uploads.",
  }),
};

export const read = (source: Source) => readSettings(settings, source);

/** Writes each decision as a line of JSON, or not if `off`. */
export function layer(to: "off" | StandardStream, withMetadata = false): Layer.Layer<never> {
  if (to === "off") return Layer.empty;
  return Layer.succeed(Audit, (event) =>
    Effect.sync(() => writeLine(lineFrom(event, withMetadata), to)),
  );
}

/** Writes an event as one line: JSON escapes line ends. */
function lineFrom(event: AuditEvent, withMetadata: boolean): string {
  const { at, action, refusal, principal, slug, organization, policy, key, size, contentType } =
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
    content_type: contentType,
    metadata: withMetadata ? event.metadata : undefined,
    path: withMetadata ? event.path : undefined,
    finding: event.finding,
    address: event.address,
    request_id: event.requestId,
    trace_id: event.traceId,
  });
}
