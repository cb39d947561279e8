import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { ABANDONED_AFTER } from "../../domain/multipart.ts";
import { reasonOf } from "../settings/thrown.ts";
import * as telemetry from "../telemetry/layer.ts";
import { command, CommandFailure, EXIT } from "./command.ts";
import { readOrFail } from "./settings.ts";

/**
 * Prints the rules by which the bucket removes uploads that nobody confirms or completes, or adds
 * them to the bucket's rules. Of several policies the one that waits longest counts.
 */
export const lifecycle = command({
  name: "lifecycle",
  summary: "Print the rules by which the bucket removes uploads that nobody confirms or completes",
  options: { apply: { shape: "without a value", note: "adds the rules to the bucket" } },
  schema: Schema.Struct({ apply: Schema.optionalKey(Schema.Boolean) }),
  run: async ({ apply = false }) => {
    const { policies, storage, telemetry: log } = readOrFail(process.env);
    const days = Math.max(...[...policies.values()].map((policy) => policy.unconfirmedAfter ?? 0));
    const program = Effect.gen(function* () {
      const { lifecycle, multipart } = yield* ObjectStore;
      const message =
        multipart?.abandoned === undefined ? "" : `${sentence(multipart.abandoned)}\n`;
      const removesParts = lifecycle?.removesParts === true;
      if (lifecycle === undefined || (days === 0 && !removesParts)) {
        return yield* Effect.die(
          new CommandFailure({
            code: EXIT.configuration,
            message: `${NO_RULE}\n${message}`.trim(),
          }),
        );
      }
      if (!apply) return { result: `${lifecycle.rule(days)}\n`, message };
      if ((yield* lifecycle.apply(days)) === "there") {
        return { result: "The bucket has the rules already.\n", message };
      }
      const confirmed = `uploads that nobody confirms are removed after ${days} days`;
      const completed = `uploads in parts that nobody completes are removed after ${ABANDONED_AFTER} day`;
      const removed =
        days === 0 ? completed : removesParts ? `${confirmed}; ${completed}` : confirmed;
      return { result: `The rules were added: ${removed}.\n`, message };
    });
    const layer = Layer.provideMerge(storage.layer, telemetry.layer(log));
    try {
      return await Effect.runPromise(Effect.provide(program, layer));
    } catch (cause) {
      if (cause instanceof CommandFailure) throw cause;
      const message = `The rules were not added: ${reasonOf(cause)}.`;
      throw new CommandFailure({ code: EXIT.failure, message });
    }
  },
});

const NO_RULE = "There is no rule: no policy in STORAGE_POLICIES sets unconfirmed_after.";

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
