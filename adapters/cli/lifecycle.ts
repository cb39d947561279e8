import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { reasonOf } from "../settings/thrown.ts";
import * as telemetry from "../telemetry/layer.ts";
import { command, CommandFailure, EXIT } from "./command.ts";
import { readOrFail } from "./settings.ts";

/**
 * Prints the rule by which the bucket removes unconfirmed uploads, or adds it to the bucket's
 * rules. Of several policies the one that waits longest counts.
 */
export const lifecycle = command({
  name: "lifecycle",
  summary: "Print the rule by which the bucket removes uploads that nobody confirms",
  options: { apply: { shape: "without a value", note: "adds the rule to the bucket" } },
  schema: Schema.Struct({ apply: Schema.optionalKey(Schema.Boolean) }),
  run: async ({ apply = false }) => {
    const { policies, storage, telemetry: log } = readOrFail(process.env);
    const days = Math.max(...[...policies.values()].map((policy) => policy.unconfirmedAfter ?? 0));
    if (days === 0) {
      const message = "There is no rule: no policy in STORAGE_POLICIES sets unconfirmed_after.";
      throw new CommandFailure({ code: EXIT.configuration, message });
    }
    const program = Effect.gen(function* () {
      const { lifecycle } = yield* ObjectStore;
      if (lifecycle === undefined) return "This store has no such rules.\n";
      if (!apply) return `${lifecycle.rule(days)}\n`;
      return (yield* lifecycle.apply(days)) === "added"
        ? `The rule was added: uploads that nobody confirms are removed after ${days} days.\n`
        : "The bucket has the rule already.\n";
    });
    const layer = Layer.provideMerge(storage.layer, telemetry.layer(log));
    try {
      return { result: await Effect.runPromise(Effect.provide(program, layer)) };
    } catch (cause) {
      const message = `The rule was not added: ${reasonOf(cause)}.`;
      throw new CommandFailure({ code: EXIT.failure, message });
    }
  },
});
