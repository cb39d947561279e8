import * as DateTime from "effect/DateTime";
import type { PartState, Readiness } from "../../application/check-readiness.ts";

/**
 * The answer of `/readyz`: 503 where URLs cannot be signed or the service is stopping. A store
 * that is down leaves the service `degraded` and ready, since signing does not need it.
 */
export function readinessResponse(readiness: Readiness, stopping: boolean): Response {
  const { signing, store } = readiness;
  const canSign = signing.state === "ok";
  const status = stopping
    ? "stopping"
    : canSign
      ? store.state === "ok"
        ? "ready"
        : "degraded"
      : "unavailable";
  return Response.json(
    { status, parts: { signing: describe(signing), store: describe(store) } },
    {
      status: canSign && !stopping ? 200 : 503,
      headers: { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" },
    },
  );
}

const describe = ({ state, since, reason }: PartState) => ({
  state,
  since: DateTime.formatIso(since),
  ...(reason === undefined ? {} : { reason }),
});
