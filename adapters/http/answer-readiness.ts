import * as DateTime from "effect/DateTime";
import type { PartState, Readiness } from "../../application/check-readiness.ts";
import { answer } from "./answer.ts";
import type { HttpContext } from "./env.ts";
import type * as openapi from "./openapi/answers.ts";

/**
 * The answer of `/readyz`: 503 where URLs cannot be signed or the service is stopping. A store or
 * a count that is down leaves the service `degraded` and ready, since signing does not need it. Why
 * a part fails can name addresses and folders, and is for callers on this machine or with a token.
 */
export function answerReadiness(
  c: HttpContext,
  { signing, store, limits }: Readiness,
  { stopping, showsReasons }: { readonly stopping: boolean; readonly showsReasons: boolean },
): Response {
  const describe = ({ state, since, reason }: PartState) => ({
    state,
    since: DateTime.formatIso(since),
    ...(showsReasons && reason !== undefined ? { reason } : {}),
  });
  const canSign = signing.state === "ok";
  const status = stopping
    ? "stopping"
    : canSign
      ? store.state === "ok" && limits.state === "ok"
        ? "ready"
        : "degraded"
      : "unavailable";
  const body = {
    status,
    parts: { signing: describe(signing), store: describe(store), limits: describe(limits) },
  } satisfies openapi.Readiness;
  return answer(c, body, { status: canSign && !stopping ? 200 : 503 });
}
