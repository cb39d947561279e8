import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Queue from "effect/Queue";
import * as Result from "effect/Result";
import { sentenceFor } from "../settings/setting.ts";
import { type Env, VARIABLES } from "../settings/source.ts";
import { errorReason } from "../values/thrown.ts";
import {
  changedVariables,
  type Configuration,
  readConfiguration,
  type ApplyConfiguration,
} from "./configuration.ts";
import type { Outcome } from "./control-socket.ts";
import { findWarnings } from "./settings.ts";
import { watchFiles } from "./watch-files.ts";

/**
 * Makes the function that reads the configuration anew and replaces all of it or nothing. Calls
 * during a reload share the one after it. A change of the files counts as a call.
 */
export const makeReload = Effect.fnUntraced(function* (
  take: ApplyConfiguration,
  own: Env,
  first: Configuration,
) {
  let inForce = first;
  let { files } = first;

  const reload = Effect.fnUntraced(function* (isAsked: boolean) {
    const { accepted, refused, failure } = inForce.reloads;
    const now = yield* Clock.currentTimeMillis;
    files = {};
    const reloads = { accepted: accepted + 1, refused, loadedAt: now };
    const isDue = ({ settings }: Configuration) =>
      isAsked || failure !== undefined || settings !== inForce.settings;
    const tried = yield* Effect.suspend(() =>
      Effect.fromResult(readConfiguration({ env: own, files, reloads }, inForce)),
    ).pipe(
      Effect.mapError((faults) => faults.map((fault) => sentenceFor(fault, VARIABLES)).join("; ")),
      Effect.tap((next) => (isDue(next) ? take(next) : Effect.void)),
      Effect.catchDefect((defect) => Effect.fail(errorReason(defect))),
      Effect.result,
    );
    if (Result.isFailure(tried)) {
      const reason = tried.failure;
      if (isAsked || reason !== failure?.reason) {
        yield* Effect.logError("the configuration was not reloaded, and stays as it was", {
          reason,
        });
      }
      const since = failure?.since ?? now;
      const counted = { ...inForce.reloads, refused: refused + 1, failure: { since, reason } };
      inForce = { ...inForce, reloads: counted };
      yield* Effect.exit(take(inForce));
      return { changed: [], refused: reason };
    }
    const next = tried.success;
    const changed = changedVariables(inForce, next);
    if (isDue(next)) {
      yield* Effect.logInfo("the configuration was reloaded", { changed: changed.join(",") });
      const known = findWarnings(inForce.env, inForce.settings);
      for (const warning of findWarnings(next.env, next.settings)) {
        if (!known.includes(warning)) yield* Effect.logWarning(warning);
      }
      inForce = next;
    }
    return { changed };
  });

  const calls = yield* Queue.unbounded<((outcome: Outcome) => void) | "files">();
  const folders = (own["ENV_FILES"] ?? "").split(",").map((path) => path.trim());
  const paths = () => [...folders, ...Object.keys(files)].filter((path) => path !== "");
  yield* Effect.forkScoped(watchFiles(paths, Queue.offer(calls, "files")));
  const reloadNext = Effect.gen(function* () {
    const asked = (yield* Queue.takeAll(calls)).filter((call) => call !== "files");
    const outcome = yield* reload(asked.length > 0);
    for (const tell of asked) tell(outcome);
  });
  yield* Effect.forkScoped(Effect.forever(reloadNext));
  return (tell: (outcome: Outcome) => void) => void Queue.offerUnsafe(calls, tell);
});
