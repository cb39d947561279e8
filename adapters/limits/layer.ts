import type * as Layer from "effect/Layer";
import type { Limiter } from "../../application/ports/limiter.ts";
import type { Limits } from "../../domain/limits.ts";
import * as memory from "./memory.ts";
import type { LimitSettings } from "./settings.ts";

export type SharedLimiter = (options: {
  readonly limits: Limits;
  /** Counts while the shared count does not answer; without it, requests are refused meanwhile. */
  readonly spare: Limiter["Service"] | undefined;
}) => Layer.Layer<Limiter>;

export const layer = (
  { limits, refusesOnFailure }: Pick<LimitSettings, "limits" | "refusesOnFailure">,
  shared: SharedLimiter | undefined,
): Layer.Layer<Limiter> =>
  shared === undefined
    ? memory.layer(limits)
    : shared({ limits, spare: refusesOnFailure ? undefined : memory.inMemory(limits) });
