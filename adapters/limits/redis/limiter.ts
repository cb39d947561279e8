import * as Effect from "effect/Effect";
import { neededBy } from "../../values/needed-by.ts";
import type { SharedLimiter } from "../layer.ts";
import type { SharedLedger } from "../usage/layer.ts";
import type { RedisSettings } from "../../redis/settings.ts";

// Apart from the layer, so that a bundle without Redis does not contain its client.

export const redisLimiter =
  (settings: RedisSettings): SharedLimiter =>
  (options) =>
    Effect.flatMap(Effect.promise(loadLimiter), ({ connectLimiter }) =>
      connectLimiter(settings, options),
    );

export const redisLedger = (settings: RedisSettings): SharedLedger =>
  Effect.flatMap(Effect.promise(loadLedger), ({ connectLedger }) => connectLedger(settings));

const loadLedger = () =>
  import("./ledger.ts").catch(neededBy("counting in Redis", "@redis/client"));

export const loadLimiter = () =>
  import("./layer.ts").catch(neededBy("counting in Redis", "@redis/client"));
