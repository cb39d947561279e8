import { loadLimiter } from "../limits/redis/limiter.ts";
import * as redis from "../redis/settings.ts";
import { type Env, variables } from "../settings/source.ts";

export const readRedis = (env: Env) => redis.read(variables(env));

/** Loads the client of Redis, and returns functions to connect once and to count. */
export const reaching = async (settings: redis.RedisSettings) => {
  const { reach } = await loadLimiter();
  return () => reach(settings);
};
