import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { ABANDONED_AFTER } from "../../domain/multipart.ts";
import { command, CommandFailure, EXIT } from "./command.ts";
import { readStoreOrFail } from "./settings.ts";
import { runWithStore } from "./with-store.ts";

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
    const { policies, storage } = readStoreOrFail(process.env);
    const days = Math.max(...[...policies.values()].map((policy) => policy.unconfirmedAfter ?? 0));
    const program = Effect.gen(function* () {
      const { lifecycle, multipart } = yield* ObjectStore;
      const note = multipart?.abandoned === undefined ? [] : [sentence(multipart.abandoned)];
      const told = (...lines: ReadonlyArray<string>) => [...lines, ...note].join("\n");
      const removesParts = lifecycle?.removesParts === true;
      if (lifecycle === undefined || (days === 0 && !removesParts)) {
        return yield* Effect.die(
          new CommandFailure({ code: EXIT.configuration, message: told(NO_RULE) }),
        );
      }
      if (!apply) {
        return { result: `${lifecycle.rule(days)}\n`, ...(note.length > 0 && { message: told() }) };
      }
      if ((yield* lifecycle.apply(days)) === "there") {
        return { message: told("The bucket has the rules already.") };
      }
      const confirmed = `uploads that nobody confirms are removed after ${days} days`;
      const completed = `uploads in parts that nobody completes are removed after ${ABANDONED_AFTER} day`;
      const removed =
        days === 0 ? completed : removesParts ? `${confirmed}; ${completed}` : confirmed;
      return { message: told(`The rules were added: ${removed}.`) };
    });
    return runWithStore(storage, program, "The rules were not added");
  },
});

const NO_RULE = "There is no rule: no policy in STORAGE_POLICIES sets unconfirmed_after.";

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
