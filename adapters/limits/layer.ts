import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type { Limiter } from "../../application/ports/limiter.ts";
import type { Limits } from "../../domain/limits.ts";
import { neededBy } from "../settings/needed-by.ts";
import * as memory from "./memory.ts";
import type { RedisSettings } from "./redis/settings.ts";
import type { LimitSettings } from "./settings.ts";

export type SharedLimiter = (options: {
  readonly limits: Limits;
  /** Counts while the shared count does not answer; without it, requests are refused meanwhile. */
  readonly spare: Limiter["Service"] | undefined;
}) => Layer.Layer<Limiter>;

export const redisLimiter =
  (settings: RedisSettings): SharedLimiter =>
  (options) =>
    Layer.unwrap(
      Effect.promise(async () => {
        const { layer } = await import("./redis/layer.ts").catch(
          neededBy("counting in Redis", "@redis/client"),
        );
        return layer(settings, options);
      }),
    );

export const layer = (
  { limits, refusesOnFailure }: Pick<LimitSettings, "limits" | "refusesOnFailure">,
  shared: SharedLimiter | undefined,
): Layer.Layer<Limiter> =>
  shared === undefined
    ? memory.layer(limits)
    : shared({ limits, spare: refusesOnFailure ? undefined : memory.inMemory(limits) });
