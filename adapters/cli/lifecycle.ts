import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import { ObjectStore } from "../../application/ports/object-store.ts";
import * as telemetry from "../telemetry/layer.ts";
import { configurationMessage } from "./messages.ts";
import { misspelt, readAll } from "./settings.ts";
import { messageOf } from "../settings/thrown.ts";

/** `EX_CONFIG` of sysexits.h. */
const CONFIGURATION_ERROR = 78;

/**
 * Prints the rule by which the bucket removes uploads that nobody confirms, or adds it to the
 * bucket's own; of several policies the one that waits longest counts. Sets the process's exit
 * code to 78 for a wrong configuration, and to 1 where the store refuses.
 */
export async function lifecycle(options: { readonly apply: boolean }): Promise<void> {
  const read = readAll(process.env);
  if (Result.isFailure(read)) {
    process.stderr.write(configurationMessage(read.failure, misspelt(process.env)));
    process.exitCode = CONFIGURATION_ERROR;
    return;
  }
  const { policies, storage, telemetry: log } = read.success;
  const days = Math.max(...[...policies.values()].map((policy) => policy.unconfirmedAfter ?? 0));
  if (days === 0) {
    process.stderr.write(
      "No policy has unconfirmed_after, so there is nothing to remove; set it in STORAGE_POLICIES.\n",
    );
    process.exitCode = CONFIGURATION_ERROR;
    return;
  }
  const program = Effect.gen(function* () {
    const { lifecycle } = yield* ObjectStore;
    if (lifecycle === undefined) return "This store has no rules of its own.\n";
    if (!options.apply) return `${lifecycle.rule(days)}\n`;
    const done = yield* lifecycle.apply(days);
    return done === "added"
      ? `The rule was added: uploads that nobody confirms are removed after ${days} days.\n`
      : "The rule is there already.\n";
  });
  const done = await Effect.runPromise(
    program.pipe(
      Effect.provide(storage.layer),
      Effect.provide(telemetry.layer(log)),
      Effect.catchDefect((defect) => Effect.fail({ reason: messageOf(defect) })),
      Effect.result,
    ),
  );
  if (Result.isSuccess(done)) {
    process.stdout.write(done.success);
  } else {
    process.stderr.write(`The rule was not added: ${done.failure.reason}.\n`);
    process.exitCode = 1;
  }
}
