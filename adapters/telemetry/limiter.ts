import * as Cause from "effect/Cause";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Result from "effect/Result";
import type { Limiter } from "../../application/ports/limiter.ts";
import { LimitsUnavailable } from "../../domain/errors.ts";
import type { Meter } from "./meter.ts";

type Service = Limiter["Service"];

const Decision = Context.Reference<{ isOpen: boolean }>("valetkey/telemetry/Decision", {
  defaultValue: () => ({ isOpen: false }),
});

/** Counts the decisions of a limiter; without a limit, there is nothing to count. */
export function countLimits(meter: Meter, limiter: Service): Service {
  for (const outcome of OUTCOMES) meter.update("valetkey_limiter_decisions_total", [outcome], 0);
  return around(limiter, (decision) => {
    if (Exit.isExit(decision) && Exit.isSuccess(decision)) return decision;
    return Effect.suspend(() => {
      const state = { isOpen: false };
      return decision.pipe(
        Effect.provideService(Decision, state),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            const outcome = state.isOpen ? "failed_open" : outcomeFrom(exit);
            meter.update("valetkey_limiter_decisions_total", [outcome]);
          }),
        ),
      );
    });
  });
}

const OUTCOMES = ["granted", "refused", "failed", "failed_open"];

/** Marks the decisions of a limiter that stands in for the shared one. */
export const markOpen = (spare: Service): Service =>
  around(spare, (decision) =>
    Effect.withFiber((fiber) => {
      fiber.getRef(Decision).isOpen = true;
      return decision;
    }),
  );

const around = (
  limiter: Service,
  wrap: <A, E>(decision: Effect.Effect<A, E>) => Effect.Effect<A, E>,
): Service => ({
  ...limiter,
  countRequest: (limited, name) => wrap(limiter.countRequest(limited, name)),
  countUpload: (upload) => wrap(limiter.countUpload(upload)),
});

const outcomeFrom = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isSuccess(exit)
    ? "granted"
    : Result.getOrUndefined(Cause.findError(exit.cause)) instanceof LimitsUnavailable
      ? "failed"
      : "refused";
