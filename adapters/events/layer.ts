import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { RedisSettings } from "../redis/settings.ts";
import { neededBy } from "../values/needed-by.ts";
import type { Outbox } from "./outbox.ts";
import { sqliteOutbox } from "./sqlite-outbox.ts";

/** Opens the queue in Redis, whose client is loaded then, or in a file, until the scope closes. */
export const openOutbox = (
  directory: string,
  redis?: RedisSettings,
): Effect.Effect<Outbox, string, Scope.Scope> =>
  redis === undefined ? sqliteOutbox(directory) : openRedis(redis);

const openRedis = (settings: RedisSettings) =>
  Effect.flatMap(
    Effect.promise(() =>
      import("./redis-outbox.ts").catch(neededBy("keeping events in Redis", "@redis/client")),
    ),
    ({ redisOutbox }) => redisOutbox(settings),
  );
