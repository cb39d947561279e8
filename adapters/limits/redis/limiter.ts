import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { neededBy } from "../../settings/needed-by.ts";
import type { SharedLimiter } from "../layer.ts";
import type { RedisSettings } from "./settings.ts";

// Apart from the layer that chooses, so that a bundle without Redis has no client of it.

export const redisLimiter =
  (settings: RedisSettings): SharedLimiter =>
  (options) =>
    Layer.unwrap(
      Effect.promise(async () => {
        const { layer } = await import("./layer.ts").catch(
          neededBy("counting in Redis", "@redis/client"),
        );
        return layer(settings, options);
      }),
    );
