import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Metric from "effect/Metric";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import { aroundStore, type StoreFailure } from "../../application/store/store-calls.ts";
import { clientSpan } from "../values/spans.ts";
import type { Meter } from "./meter.ts";

type Store = ObjectStore["Service"];

/** Counts, measures and traces each attempt of a call to the store. */
export const watchStore = (meter: Meter, store: Store): Store =>
  aroundStore(store, ({ name: call }, attempt) =>
    Effect.suspend(() => {
      const start = performance.now();
      const method = { "rpc.system.name": "object_store", "rpc.method": call };
      const traced = clientSpan(`store/${call}`, method, () => attempt);
      return Effect.onExit(labelled(meter, traced), (exit) =>
        Effect.sync(() => {
          meter.update("valetkey_store_calls_total", [call, outcomeFrom(exit)]);
          const seconds = (performance.now() - start) / 1000;
          meter.update("valetkey_store_call_duration_seconds", [call], seconds);
        }),
      );
    }),
  );

/** Gives what the store's own code measures the labels of the meter. */
const labelled = <A, E>({ labels }: Meter, attempt: Effect.Effect<A, E>) =>
  labels === undefined
    ? attempt
    : Effect.provideService(attempt, Metric.CurrentMetricAttributes, labels);

/** Counts calls that are skipped, to spare the store or the service. */
export const countShed = Effect.fnUntraced(function* (meter: Meter, store: Store) {
  const { isPaused } = store;
  if (isPaused) {
    const end = meter.observe("valetkey_store_breaker_open", [], () => Number(isPaused()));
    yield* Effect.addFinalizer(() => Effect.sync(end));
  }
  return aroundStore(store, ({ name: call }, made) =>
    Effect.tapError(made, (failure) =>
      Effect.sync(() => {
        const isShed = failure._tag === "StoreUnavailable" && failure.kind === "shed";
        if (isShed) meter.update("valetkey_store_calls_total", [call, failure.kind]);
      }),
    ),
  );
});

function outcomeFrom(exit: Exit.Exit<unknown, StoreFailure>): string {
  if (Exit.isSuccess(exit)) {
    const { value } = exit;
    return value === "ended" || (Option.isOption(value) && Option.isNone(value)) ? "absent" : "ok";
  }
  const failure = Result.getOrUndefined(Cause.findError(exit.cause));
  // An interrupt means that the caller stopped waiting; an unreadable object does exist.
  if (failure === undefined) return Cause.hasInterruptsOnly(exit.cause) ? "timeout" : "senseless";
  return failure._tag === "StoreUnavailable" ? failure.kind : "ok";
}
