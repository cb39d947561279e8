import * as Effect from "effect/Effect";
import { PROBLEMS, type Refusal } from "./table.ts";

/** Logs the reason of a refusal that has one: it is for the operator alone. */
export function logReason(refusal: Refusal, requestId: string): Effect.Effect<void> {
  if (!("reason" in refusal)) return Effect.void;
  const { _tag, reason, ...facts } = refusal;
  const kind = "kind" in facts ? { kind: facts.kind } : {};
  return Effect.logWarning(PROBLEMS[_tag].log, { requestId, ...kind, reason });
}
