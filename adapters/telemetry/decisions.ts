import * as DateTime from "effect/DateTime";
import * as Duration from "effect/Duration";
import type { AuditEvent, AuditSink } from "../../application/ports/audit.ts";
import type { Policies } from "../../application/ports/policies.ts";
import type { StorageKey } from "../../domain/storage-key.ts";
import { BoundedMap } from "../values/bounded-map.ts";
import type { Meter } from "./meter.ts";

export const GRANTS = new Set(["presign", "start-multipart"]);

export const CONFIRMS = new Set(["confirm", "complete-multipart", "complete-credentials"]);

/** Most keys that are remembered, so that an upload confirmed twice is counted once. */
const MOST_KEYS = 10_000;

/** Counts audited decisions, by the policies in force. */
export function countDecisions(meter: Meter) {
  const confirmed = new BoundedMap<StorageKey, true>(MOST_KEYS);
  const isFirst = (key: StorageKey) => {
    if (confirmed.has(key)) return false;
    confirmed.set(key, true);
    return true;
  };

  function countGranted(event: AuditEvent, policy: string): void {
    const { at, action, key, size = 0, parts, grantedAt } = event;
    if (parts !== undefined) meter.update("valetkey_parts_signed_total", [], parts);
    if (GRANTS.has(action)) {
      meter.update("valetkey_uploads_granted_total", [policy]);
      meter.update("valetkey_granted_bytes_total", [policy], size);
    } else if (CONFIRMS.has(action) && key !== undefined && isFirst(key)) {
      meter.update("valetkey_uploads_confirmed_total", [policy]);
      meter.update("valetkey_confirmed_bytes_total", [policy], size);
      if (grantedAt === undefined) return;
      // Another replica, whose clock differs, may have granted it.
      const delay = Math.max(0, Duration.toSeconds(DateTime.distance(grantedAt, at)));
      meter.update("valetkey_confirm_delay_seconds", [policy], delay);
    }
  }

  return (policies: Policies["Service"], audit: AuditSink): AuditSink => {
    // Starts every series at 0, so that ratios include each policy.
    for (const policy of policies.keys()) {
      for (const name of BY_POLICY) meter.update(name, [policy], 0);
    }
    return (event) => {
      const { action, refusal } = event;
      // A name that is not configured is a word of the request.
      const policy = event.policy !== undefined && policies.has(event.policy) ? event.policy : "";
      meter.update("valetkey_decisions_total", [action, policy, refusal ?? ""]);
      if (refusal === undefined) countGranted(event, policy);
      return audit(event);
    };
  };
}

const BY_POLICY = [
  "valetkey_uploads_granted_total",
  "valetkey_uploads_confirmed_total",
  "valetkey_granted_bytes_total",
  "valetkey_confirmed_bytes_total",
] as const;
