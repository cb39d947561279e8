import type * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";
import { Limiter } from "../../application/ports/limiter.ts";
import type { Limits } from "../../domain/limits.ts";
import * as memory from "./memory.ts";

/** Connects a limiter that processes share, until the scope closes. */
export type SharedLimiter = (options: {
  readonly limits: Limits;
  /** Counts while the shared limiter does not answer; without it, requests are refused then. */
  readonly spare: Limiter["Service"] | undefined;
}) => Effect.Effect<Limiter["Service"], never, Scope.Scope>;

export const layer = (
  { limits, refusesOnFailure }: { readonly limits: Limits; readonly refusesOnFailure: boolean },
  shared: SharedLimiter | undefined,
): Layer.Layer<Limiter> =>
  shared === undefined
    ? memory.layer(limits)
    : Layer.effect(
        Limiter,
        shared({ limits, spare: refusesOnFailure ? undefined : memory.inMemory(limits) }),
      );
