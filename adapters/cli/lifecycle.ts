import * as Effect from "effect/Effect";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { ABANDONED_AFTER } from "../../domain/multipart.ts";
import { waitingDays } from "../../domain/waiting.ts";
import { command, flag } from "./command/command.ts";
import { CommandFailure, EXIT } from "./command/failure.ts";
import { readStoreOrFail, STORE_OPTION } from "./command/configuration.ts";
import { runWithStore } from "./command/with-store.ts";

/** Of several policies the one that waits longest counts. */
export const lifecycle = command({
  name: "lifecycle",
  summary: "Print the rules by which the bucket removes uploads that nobody confirms or completes",
  options: {
    ...STORE_OPTION,
    apply: flag("adds the rules to the bucket"),
    replace: flag("for --apply; also where uploads of other deployments would wait less"),
  },
  run: async ({ store, apply = false, replace = false }) => {
    const { policies, storage } = readStoreOrFail(process.env, store);
    const days = waitingDays([...policies.values()]);
    const program = Effect.gen(function* () {
      const { rules, parts } = yield* ObjectStore;
      const advice = parts?.abandoned && sentence(parts.abandoned);
      const withAdvice = (...lines: ReadonlyArray<string>) =>
        [...lines, ...(advice ? [advice] : [])].join("\n");
      const removesParts = rules?.removesParts === true;
      if (rules === undefined || (days === 0 && !removesParts)) {
        const message = withAdvice(NO_RULE);
        return yield* Effect.die(new CommandFailure({ code: EXIT.configuration, message }));
      }
      if (!apply) return { result: `${rules.rule(days)}\n`, message: advice };
      const { outcome, days: waits } = yield* rules.apply(days, { replace });
      const removed = [
        waits > 0 && `uploads that wait below incoming/ are removed after ${waits} days`,
        removesParts &&
          `uploads in parts that nobody completes are removed after ${ABANDONED_AFTER} day`,
      ].filter((each) => each !== false);
      const done =
        outcome === "there" ? "The bucket has the rules already" : "The rules were added";
      const note = `Policies here wait ${days} days, and the longer time stays, since others may use the bucket; --replace sets ${days}.`;
      const notes = waits > days && days > 0 ? [note] : [];
      return { message: withAdvice(`${done}: ${removed.join("; ")}.`, ...notes) };
    });
    return runWithStore(storage, program, "The rules were not added");
  },
});

const NO_RULE =
  "There is no rule: no policy in STORAGE_POLICIES lets uploads wait below incoming/ in a store with rules.";

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
