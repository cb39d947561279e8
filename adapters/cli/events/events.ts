import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { existsSync } from "node:fs";
import { openOutbox } from "../../events/layer.ts";
import type { QueuedEvent, Outbox } from "../../events/outbox.ts";
import { eventsFile } from "../../events/sqlite-outbox.ts";
import { errorReason } from "../../values/thrown.ts";
import { isoText } from "../../values/time.ts";
import { asJson, columns, command, flag, JSON_OPTION, option } from "../command/command.ts";
import { CommandFailure, EXIT } from "../command/failure.ts";
import { setup } from "./events-setup.ts";
import { orFail } from "../command/configuration.ts";
import { readAll } from "../../service/settings.ts";

/** Most that one command lists, sends or drops. */
const LIMIT = 10_000;

const ID = option("ID", Schema.NonEmptyString, "the id of an event, as list shows it", {
  isArgument: true,
});

/** Opens the queue of the service whose variables the command has. */
async function withOutbox<A, E>(use: (outbox: Outbox) => Effect.Effect<A, E>): Promise<A> {
  const { tokens, redis } = orFail(readAll(process.env), "The command cannot run", process.env);
  const file = eventsFile(tokens.directory);
  if (redis === undefined && !existsSync(file)) {
    const message = `No event was kept: there is no ${file}. Run the command in the folder of the service, with its variables.`;
    throw new CommandFailure({ code: EXIT.noInput, message });
  }
  const used = Effect.scoped(Effect.flatMap(openOutbox(tokens.directory, redis), use));
  return Effect.runPromise(used).catch((cause: unknown) => {
    const message = `The queue of events cannot be used: ${errorReason(cause)}.`;
    throw new CommandFailure({ code: EXIT.unavailable, message });
  });
}

const shown = ({ id, state, attempts, failure, at, body }: QueuedEvent) => ({
  id,
  state,
  attempts,
  ...(failure && { failure }),
  at: isoText(at),
  event: JSON.parse(body),
});

const HEAD = ["ID", "STATE", "EVENT", "KEY", "ATTEMPTS", "AT", "FAILURE"];

const list = command({
  name: "events list",
  summary: "List the events that wait, and those that were given up",
  options: {
    state: option("STATE", Schema.Literals(["waiting", "dead", "delivered"]), "a state", {
      note: "waiting and dead if left out",
    }),
    ...JSON_OPTION,
  },
  run: async ({ state, json = false }) => {
    const states = state === undefined ? (["waiting", "dead"] as const) : [state];
    const [kept, counts] = await withOutbox(({ list, counts }) =>
      Effect.all([Effect.forEach(states, (each) => list(each, { limit: LIMIT })), counts]),
    );
    const events = kept.flat().map(shown);
    const rows = events.map(({ id, state, attempts, at, failure, event }) => {
      const { type, data } = event;
      return [id, state, type, data.key, String(attempts), at, failure ?? ""];
    });
    return {
      result: json ? asJson(events) : columns([HEAD, ...rows]),
      message: `Waiting: ${counts.waiting}. Given up: ${counts.dead}${counts.dead === 0 ? "." : "; valetkey events resend --dead sends them again."}`,
    };
  },
});

const show = command({
  name: "events show",
  summary: "Print an event and what became of it, as JSON",
  options: { id: { ...ID, isRequired: true } },
  run: async ({ id }) => {
    const kept = await withOutbox(({ find }) => find(id));
    if (kept === undefined) throw new CommandFailure(NO_SUCH);
    return { result: asJson(shown(kept)) };
  },
});

const change = (name: "resend" | "drop", summary: string, done: string) =>
  command({
    name: `events ${name}`,
    summary,
    options: { id: ID, dead: flag("instead of ID: all that were given up") },
    run: async ({ id, dead = false }) => {
      if ((id !== undefined) === dead) {
        const message = `Name one event, or all that were given up: valetkey events ${name} ID, or --dead.`;
        throw new CommandFailure({ code: EXIT.usage, message });
      }
      const changed = await withOutbox((outbox) => {
        const found =
          id === undefined
            ? outbox.list("dead", { limit: LIMIT })
            : Effect.map(outbox.find(id), (kept) => (kept === undefined ? [] : [kept]));
        return Effect.tap(
          found,
          Effect.forEach((each) => outbox[name](each.id)),
        );
      });
      if (id !== undefined && changed.length === 0) throw new CommandFailure(NO_SUCH);
      const more = changed.length === LIMIT ? " There may be more: run it again." : "";
      return { message: `Events ${done}: ${changed.length}.${more}` };
    },
  });

const NO_SUCH = {
  code: EXIT.usage,
  message: "There is no event of that id. valetkey events list shows those that are kept.",
};

/** The commands for the queue of events. */
export const eventCommands = [
  list,
  show,
  change(
    "resend",
    "Send an event again, also one that was delivered",
    "that a running service sends within seconds",
  ),
  change("drop", "Remove an event, which is then never sent", "removed, which nobody hears of"),
  setup,
];
