import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import type { PartState } from "../../application/check-readiness.ts";
import { Authenticator } from "../../application/ports/authenticator.ts";
import { answer } from "./answer.ts";
import type * as answers from "./answers.ts";
import { isFromThisMachine } from "./loopback.ts";
import type { RouteRequest } from "./route.ts";

/** Answers `GET /healthz`: the process is alive. Nothing else is checked. */
export const health = ({ c }: RouteRequest): Effect.Effect<Response> =>
  Effect.succeed(answer(c, { status: "alive" }));

/**
 * Answers `GET /readyz`: 503 if URLs cannot be signed or the service is stopping. If the store or
 * the counter of limits is down, or the bucket does not write once, the service is `degraded` and
 * ready, since signing needs none of them.
 * The reason why a part fails can name addresses and folders, so only callers on this machine or
 * with a token see it.
 */
export const readiness = Effect.fnUntraced(function* (request: RouteRequest) {
  const { c, options } = request;
  // Without a check this route is not served.
  const { signing, store, limits, writeOnce } = yield* options.readiness ?? Effect.never;
  const stopping = options.isStopping();
  const showsReasons = isFromThisMachine(c) || (yield* isKnown(request));
  const describe = ({ state, since, reason }: PartState) => ({
    state,
    since: DateTime.formatIso(since),
    ...(showsReasons && reason !== undefined ? { reason } : {}),
  });
  const canSign = signing.state === "ok";
  const status = stopping
    ? "stopping"
    : canSign
      ? [store, limits, writeOnce].every((part) => part === undefined || part.state === "ok")
        ? "ready"
        : "degraded"
      : "unavailable";
  const body = {
    status,
    parts: {
      signing: describe(signing),
      store: describe(store),
      limits: describe(limits),
      ...(writeOnce && { write_once: describe(writeOnce) }),
    },
  } satisfies answers.Readiness;
  return answer(c, body, { status: canSign && !stopping ? 200 : 503 });
});

/** Whether the caller can be authenticated. */
const isKnown = Effect.fnUntraced(function* ({ call }: RouteRequest) {
  const { authenticate, recognize = authenticate } = yield* Authenticator;
  // Probes are frequent and have no token; they must not count as failed attempts.
  const identify = call.headers.get("authorization") === null ? recognize : authenticate;
  return Exit.isSuccess(yield* Effect.exit(identify(call)));
});
