import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Latch from "effect/Latch";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import type { StoreName } from "../../domain/place.ts";
import { ObjectStore } from "../ports/object-store.ts";
import type { Presigner } from "../ports/presigner.ts";
import { canSign, watch } from "./check-readiness.ts";
import { aroundStore, type StoreFailure } from "./store-calls.ts";

/** Most stores that a reason names. */
const MOST_NAMED = 5;

/** Time between two looks at a store, in milliseconds. */
const SHORTEST = 1000;
const LONGEST_FAILING = 60 * 1000;
const LONGEST_READY = 10 * 60 * 1000;

/** Makes what knows the states of named stores that are open. */
export function makeStoreStates() {
  const reasons = new Map<StoreName, () => string | undefined>();
  return {
    /** Returns which stores are not ready, and why; undefined if all are. Calls none. */
    problem(): string | undefined {
      const failing = [...reasons].flatMap(([name, read]) => {
        const reason = read();
        return reason === undefined ? [] : [`${name} (${reason})`];
      });
      if (failing.length === 0) return undefined;
      const further = failing.length - MOST_NAMED;
      const others = further > 0 ? [`and ${further} more`] : [];
      return [...failing.slice(0, MOST_NAMED), ...others].join(", ");
    },
    /**
     * Looks at a store when it is opened, every ten minutes, after a call has failed, and soon again
     * until it is ready. `onOpen` is called with its state, and returns what to do at its end.
     */
    watched: <A, E>(
      name: StoreName,
      layer: Layer.Layer<A | ObjectStore | Presigner, E>,
      onOpen?: (isFailing: () => boolean) => () => void,
    ) => {
      const opened = Effect.gen(function* () {
        const store = yield* ObjectStore;
        const { ensureBucket, checkState = Effect.void } = store;
        const isReady = Effect.all([canSign, ensureBucket, checkState], { discard: true });
        const look = watch(`the store ${name}`, "5 seconds", { logsFirst: true })(isReady);
        const news = Latch.makeUnsafe();
        let reason: string | undefined;
        let pause = SHORTEST;
        const again = Effect.gen(function* () {
          news.closeUnsafe();
          ({ reason } = yield* look);
          pause = reason === undefined ? SHORTEST : Math.min(pause * 2, LONGEST_FAILING);
          yield* Effect.sleep(SHORTEST);
          const rest = (reason === undefined ? LONGEST_READY : pause) - SHORTEST;
          yield* Effect.raceFirst(news.await, Effect.sleep(rest));
        });
        const read = () => reason;
        reasons.set(name, read);
        const onEnd = onOpen?.(() => reason !== undefined);
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            onEnd?.();
            // The same name may have been opened again with other settings.
            if (reasons.get(name) === read) reasons.delete(name);
          }),
        );
        yield* Effect.forkScoped(Effect.forever(again));
        return aroundStore(store, (_, made) =>
          Effect.onExit(made, (exit) =>
            Effect.sync(() => {
              const fails = hasFailed(exit);
              if (fails !== undefined && fails !== (reason !== undefined)) news.openUnsafe();
            }),
          ),
        );
      });
      return Layer.effect(ObjectStore, opened).pipe(Layer.provideMerge(layer));
    },
  };
}

/** Undefined if it says nothing about the store. */
function hasFailed(exit: Exit.Exit<unknown, StoreFailure>): boolean | undefined {
  if (Exit.isSuccess(exit)) return false;
  const failure = Option.getOrUndefined(Cause.findErrorOption(exit.cause));
  return failure?._tag === "StoreUnavailable" && failure.kind !== "shed" ? true : undefined;
}
