import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";
import { Limiter } from "../../application/ports/limiter.ts";
import type { Limits } from "../../domain/limits.ts";
import { inMemory } from "./memory.ts";
import type { LimitSettings } from "./settings.ts";

/** The limiter of several processes, for any limits, connected until the scope closes. */
export type SharedLimiter = Effect.Effect<LimiterWith, never, Scope.Scope>;

export type LimiterWith = (options: {
  readonly limits: Limits;
  /** Counts while the shared count does not answer; without it, requests are refused meanwhile. */
  readonly spare: Limiter["Service"] | undefined;
}) => Limiter["Service"];

type Numbers = Pick<LimitSettings, "refusesOnFailure"> & { readonly limits: Limits };

export const layer = (
  { limits, refusesOnFailure }: Numbers,
  shared: SharedLimiter | undefined,
): Layer.Layer<Limiter> =>
  Layer.effect(
    Limiter,
    Effect.map(shared ?? Effect.undefined, (limiterWith) =>
      limiterWith === undefined
        ? inMemory(limits)
        : limiterWith({ limits, spare: refusesOnFailure ? undefined : inMemory(limits) }),
    ),
  );
