import * as Effect from "effect/Effect";
import { Events } from "../../../application/ports/events.ts";
import { keepIn } from "../../events/events.ts";
import { openOutbox } from "../../events/layer.ts";
import * as events from "../../events/settings.ts";
import { readRedis } from "../../service/redis.ts";
import { directory } from "../../settings/directory.ts";
import { joinReads, readSettings } from "../../settings/setting.ts";
import { type Env, variables } from "../../settings/source.ts";
import { orFail } from "./configuration.ts";

/** Reads where events wait; work of a command that is applied publishes there, if any are sent. */
export function eventsOrFail(env: Env, apply: boolean) {
  const source = variables(env);
  const queue = joinReads({
    receiver: events.read(source),
    shared: readRedis(env),
    place: readSettings({ directory }, source),
  });
  const { receiver, shared, place } = orFail(queue, "The command cannot run", env);
  const publishing = Effect.map(openOutbox(place.directory, shared), (outbox) => keepIn(outbox));
  return <A, E, R>(work: Effect.Effect<A, E, R>) =>
    receiver === undefined || !apply
      ? work
      : Effect.scoped(Effect.provideServiceEffect(work, Events, publishing));
}

/** Work whose removals are published and counted. */
export type Recorded = <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E | string, R>;
