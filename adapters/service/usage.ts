import * as Result from "effect/Result";
import { redisLedger } from "../limits/redis/limiter.ts";
import * as limits from "../limits/settings.ts";
import type { UsageSettings } from "../limits/usage/counter.ts";
import { layer } from "../limits/usage/layer.ts";
import { joinReads } from "../settings/setting.ts";
import { type Env, variables } from "../settings/source.ts";
import { readRedis } from "./redis.ts";

/** Reads the count of the service in Redis, or makes one of the process's own. */
export const readCount = (env: Env) =>
  Result.map(
    joinReads({ limits: limits.read(variables(env)), redis: readRedis(env) }),
    ({ limits: { usage }, redis }) => {
      const isShared = usage !== undefined && redis !== undefined;
      const settings: UsageSettings = usage ?? { refusesUnknown: false };
      const counting = layer(settings, isShared ? redisLedger(redis) : undefined);
      return { isShared, bytes: settings.bytes, counting };
    },
  );
