import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Queue from "effect/Queue";
import * as Result from "effect/Result";
import { sentenceFor } from "../settings/setting.ts";
import { type Env, VARIABLES } from "../settings/source.ts";
import { errorReason } from "../thrown.ts";
import { changedVariables, type Configuration, readConfiguration } from "./configuration.ts";
import type { Outcome } from "./pid-file.ts";
import { findWarnings } from "./settings.ts";
import { watchFiles } from "./watch-files.ts";

/** The processes that serve a configuration: this one, or its workers. */
export interface Server {
  /** Builds what serves it, or fails with the reason why nothing can. */
  readonly prepare: (next: Configuration) => Effect.Effect<void, string>;
  /** Serves what was prepared since the last time, if anything. */
  readonly commit: Effect.Effect<void>;
  /** Goes on as before, for that reason. */
  readonly refuse: (reason: string) => Effect.Effect<void>;
}

/**
 * Makes the function that reads the configuration anew and replaces all of it or nothing. Calls
 * during a reload share the one after it. A change of the files counts as a call.
 */
export const makeReload = Effect.fnUntraced(function* (
  server: Server,
  own: Env,
  first: Configuration,
  report: (outcome: Outcome) => Effect.Effect<void>,
) {
  let inForce = first;
  let { files } = first;
  let refused: string | undefined;

  const readAndPrepare = Effect.suspend(() => {
    files = new Map();
    return Effect.fromResult(readConfiguration(own, files, inForce));
  }).pipe(
    Effect.mapError((faults) => faults.map((fault) => sentenceFor(fault, VARIABLES)).join("; ")),
    Effect.map((next) => ({ next, changed: changedVariables(inForce, next) })),
    Effect.tap(({ next, changed }) => (changed.length > 0 ? server.prepare(next) : Effect.void)),
    Effect.catchDefect((defect) => Effect.fail(errorReason(defect))),
  );

  const reload = Effect.fnUntraced(function* (isAsked: boolean) {
    const begun = yield* Clock.currentTimeMillis;
    const prepared = yield* Effect.result(readAndPrepare);
    if (Result.isFailure(prepared)) {
      const reason = prepared.failure;
      if (isAsked || reason !== refused) {
        yield* Effect.logError("the configuration was not reloaded, and stays as it was", {
          reason,
        });
      }
      refused = reason;
      yield* server.refuse(reason);
      return yield* report({ begun, changed: [], refused });
    }
    const { next, changed } = prepared.success;
    if (changed.length === 0 && refused === undefined && !isAsked) return;
    yield* server.commit;
    yield* Effect.logInfo("the configuration was reloaded", { changed: changed.join(",") });
    const known = findWarnings(inForce.env, inForce.settings);
    for (const warning of findWarnings(next.env, next.settings)) {
      if (!known.includes(warning)) yield* Effect.logWarning(warning);
    }
    inForce = next;
    refused = undefined;
    yield* report({ begun, changed });
  });

  const calls = yield* Queue.unbounded<"signal" | "files">();
  const folders = (own["ENV_FILES"] ?? "").split(",").map((path) => path.trim());
  const paths = () => [...folders, ...files.keys()].filter((path) => path !== "");
  yield* Effect.forkScoped(watchFiles(paths, Queue.offer(calls, "files")));
  yield* Queue.takeAll(calls).pipe(
    Effect.flatMap((waiting) => reload(waiting.includes("signal"))),
    // One that fails by a fault of ours must not be the last.
    Effect.catchDefect((defect) =>
      Effect.logError("a reload ended too early", { reason: errorReason(defect) }),
    ),
    Effect.forever,
    Effect.forkScoped,
  );
  return () => void Queue.offerUnsafe(calls, "signal");
});
