import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { join } from "node:path";
import type { RedisSettings } from "../redis/settings.ts";
import { neededBy } from "../settings/needed-by.ts";
import { errorMessage } from "../thrown.ts";
import type { Deliver } from "./dispatch.ts";
import { makeEvents } from "./events.ts";
import type { Outbox } from "./outbox.ts";
import { type Receiver, send } from "./send.ts";

/** The file in which events wait, in that folder. */
export const eventsFile = (directory: string): string => join(directory, "events.db");

/** Opens the queue in Redis, or else in a file, until the scope closes; its code is loaded then. */
export const openOutbox = (
  directory: string,
  redis?: RedisSettings,
): Effect.Effect<Outbox, string, Scope.Scope> =>
  redis === undefined ? openFile(eventsFile(directory)) : openRedis(redis);

const openFile = (path: string) =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => (await import("./sqlite-outbox.ts")).sqliteOutbox(path),
      catch: (cause) =>
        `events cannot be kept in ${path}: ${errorMessage(cause)}; make the folder writable, or unset EVENTS_URL`,
    }),
    ({ close }) => Effect.sync(close),
  );

const openRedis = (settings: RedisSettings) =>
  Effect.flatMap(
    Effect.promise(() =>
      import("./redis-outbox.ts").catch(neededBy("keeping events in Redis", "@redis/client")),
    ),
    ({ redisOutbox }) => redisOutbox(settings),
  );

/** Asks for the receiver at each attempt, which the secrets that are in force then sign. */
export const sendTo =
  (receiver: () => Receiver): Deliver =>
  (message, attempt) =>
    send(message, receiver(), attempt);

/** Publishes into the queue of `openOutbox`, and sends from there until the scope closes. */
export const eventsIn = Effect.fnUntraced(function* (
  { directory, redis }: { readonly directory: string; readonly redis?: RedisSettings | undefined },
  options: Omit<Parameters<typeof makeEvents>[0], "outbox">,
) {
  return yield* makeEvents({ outbox: yield* openOutbox(directory, redis), ...options });
});
