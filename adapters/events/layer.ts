import * as Effect from "effect/Effect";
import { join } from "node:path";
import { errorMessage } from "../thrown.ts";
import { makeEvents } from "./events.ts";

/** The file in which events wait, in that folder. */
export const eventsFile = (directory: string): string => join(directory, "events.db");

/** Opens the queue until the scope closes; its code is loaded then. */
export const openOutbox = (directory: string) =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => (await import("./sqlite-outbox.ts")).sqliteOutbox(eventsFile(directory)),
      catch: (cause) =>
        `events cannot be kept in ${eventsFile(directory)}: ${errorMessage(cause)}; make the folder writable, or unset EVENTS_URL`,
    }),
    ({ close }) => Effect.sync(close),
  );

/** Publishes into the queue in `directory`, and sends from there until the scope closes. */
export const eventsIn = Effect.fnUntraced(function* (
  directory: string,
  options: Omit<Parameters<typeof makeEvents>[0], "outbox">,
) {
  return yield* makeEvents({ outbox: yield* openOutbox(directory), ...options });
});
