import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { BucketCors } from "../storage/bucket-cors.ts";
import { command, flag, ORIGIN_OPTION } from "./command/command.ts";
import { CommandFailure, EXIT } from "./command/failure.ts";
import { readStoreOrFail, STORE_OPTION } from "./command/configuration.ts";
import { runWithStore } from "./command/with-store.ts";

export const cors = command({
  name: "cors",
  summary: "Print the rule by which pages of other origins may upload into the bucket",
  options: {
    ...STORE_OPTION,
    ...ORIGIN_OPTION,
    apply: flag("adds the rule to the bucket"),
    replace: flag(
      "for --apply; pages that the rule allowed so far and are not named may upload no longer",
    ),
  },
  run: async ({ store, origin, apply = false, replace = false }) => {
    const { http, storage } = readStoreOrFail(process.env, store);
    const origins = origin?.map((url) => url.origin) ?? http.corsOrigins;
    if (origins.length === 0) {
      const message = "No page was named: give --origin, or set CORS_ORIGINS or PUBLIC_URL.";
      throw new CommandFailure({ code: EXIT.usage, message });
    }
    const program = Effect.gen(function* () {
      const found = yield* Effect.serviceOption(BucketCors);
      if (Option.isNone(found)) {
        return { message: `The store is ${storage.description}: it follows CORS_ORIGINS.` };
      }
      const { rule, byHand, apply: add } = found.value;
      if (!apply) return { result: rule(origins), message: `To set it yourself: ${byHand}.` };
      if (add === undefined) {
        const message = `This store takes no such rule from here. Instead: ${byHand}.`;
        return { result: rule(origins), message, code: EXIT.failure };
      }
      const applied = yield* add(origins, { replace });
      const done =
        applied.outcome === "added" ? "The rule was set" : "The bucket has the rule already";
      const removed = applied.removed.map((each) => `\nNo longer allowed: ${each}`).join("");
      return { message: `${done}: pages of ${applied.origins.join(", ")} may upload.${removed}` };
    });
    return runWithStore(storage, program, "The rule was not added");
  },
});
