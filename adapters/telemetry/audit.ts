import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { Audit, type AuditEvent } from "../../application/ports/audit.ts";
import { isoOf } from "../time.ts";
import { writeLine } from "./standard-output.ts";
import { appendTo } from "./append.ts";

/** Writes each decision as a line of JSON: to standard output, to a file, or not at all. */
export function layer(to: string): Layer.Layer<never> {
  if (to === "off") return Layer.empty;
  if (to === "stdout") {
    return Layer.succeed(Audit, (event) => Effect.sync(() => writeLine(lineOf(event))));
  }
  return Layer.effect(
    Audit,
    Effect.map(appendTo(to), (append) => (event: AuditEvent) => append(`${lineOf(event)}\n`)),
  );
}

/** Always one line: JSON escapes line ends. */
function lineOf(event: AuditEvent): string {
  const { at, action, refusal, principal, slug, organization, policy, key, size, mediaType } =
    event;
  return JSON.stringify({
    time: isoOf(at.epochMilliseconds),
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
    retry: event.isRetry === true ? true : undefined,
    address: event.address,
    request_id: event.requestId,
  });
}
