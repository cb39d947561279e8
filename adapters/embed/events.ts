import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Record from "effect/Record";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { Events as Port } from "../../application/ports/events.ts";
import type { Deliver } from "../events/dispatch.ts";
import { makeEvents } from "../events/events.ts";
import type { Message } from "../events/outbox.ts";
import { send } from "../events/send.ts";
import * as adapter from "../events/settings.ts";
import { loadSqlite, sqliteOutbox } from "../events/sqlite-outbox.ts";
import { directory } from "../settings/directory.ts";
import { fault, joinReads, optional, readSettings } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import { camelCase } from "../values/names.ts";
import { Events } from "./arguments.ts";
import { readOptions } from "./options.ts";
import type { UploadEvent } from "./upload-event.ts";
import type { Awaitable } from "./valetkey.ts";

export type { UploadEvent };

/** Either `to`, or `url` with `secrets`. */
export interface EventOptions {
  /** Receives each event; again, if it rejects or takes longer than 50 seconds. */
  readonly to?: ((event: UploadEvent) => Awaitable<unknown>) | undefined;
  /** Receives each event as a signed POST; `https` unless `allowPrivate`. */
  readonly url?: string | URL | undefined;
  /** `whsec_` and 24 to 64 bytes in base64; each signs, so that one can replace another. */
  readonly secrets?: ReadonlyArray<string> | undefined;
  /** True if `url` may be of this machine or a private network. */
  readonly allowPrivate?: boolean | undefined;
  /** The folder in which events wait; `.valetkey` if left out. */
  readonly directory?: string | undefined;
}

/**
 * Makes the events for `createValetkey`, which are sent from its first use, or `ready()`, until
 * `close()`. Throws a `TypeError` for wrong options, and an error without `node:sqlite`.
 */
export function events(options: EventOptions): Events {
  const { receiver, handler, directory } = readOptions("events()", options, { settings, read });
  loadSqlite();
  const deliver: Deliver = async (message, attempt) => {
    if (receiver !== undefined) return send(message, receiver, attempt);
    await handler?.(eventFrom(message));
    return { status: 204, retryAfter: undefined };
  };
  return new Events((addresses) => {
    const publishing = sqliteOutbox(directory).pipe(
      Effect.catch((reason) => Effect.die(new Error(reason))),
      Effect.flatMap((outbox) => makeEvents({ outbox, deliver, addresses })),
    );
    return Layer.effect(Port, publishing);
  });
}

const to = optional({
  variable: "to",
  option: "to",
  meaning: "The function that gets each event.",
  codec: Schema.declare((value): value is Handler => typeof value === "function"),
  shape: "a function",
  example: "async (event) => handle(event)",
});
type Handler = NonNullable<EventOptions["to"]>;
const settings = { ...adapter.settings, to, directory };

const read = (source: Source) =>
  Result.flatMap(
    joinReads({ receiver: adapter.read(source), values: readSettings({ to, directory }, source) }),
    ({ receiver, values: { to: handler, directory } }) =>
      (handler === undefined) === (receiver === undefined)
        ? Result.fail([fault(to, "or url must be set, and not both")])
        : Result.succeed({ receiver, handler, directory }),
  );

function eventFrom({ id, body }: Message): UploadEvent {
  const { timestamp, data, ...rest } = JSON.parse(body);
  const { grantedAt, ...facts } = Record.mapKeys(data, camelCase);
  const granted = grantedAt === undefined ? {} : { grantedAt: new Date(String(grantedAt)) };
  return { ...rest, id, timestamp: new Date(timestamp), data: { ...facts, ...granted } };
}
