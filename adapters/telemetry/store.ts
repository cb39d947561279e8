import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type { ObjectUnreadable, StoreUnavailable } from "../../domain/errors.ts";
import type { Meter } from "./meter.ts";

type Store = ObjectStore["Service"];

/** Counts and measures each attempt of a call to the store; one of a traced request gets a span. */
export const watchStore = (meter: Meter, store: Store): Store =>
  around(store, (call, attempt) =>
    Effect.withFiber(({ cache: { span } }) => {
      const start = performance.now();
      const options = { kind: "client", captureStackTrace: false } as const;
      return Effect.onExit(
        span === undefined ? attempt : Effect.withSpan(attempt, `store ${call}`, options),
        (exit) =>
          Effect.sync(() => {
            meter.update("valetkey.store.calls", [call, outcomeFrom(exit)]);
            const seconds = (performance.now() - start) / 1000;
            meter.update("valetkey.store.call.duration", [call], seconds);
          }),
      );
    }),
  );

/** Counts calls that are not made, to spare the store or the service. */
export function countShed(meter: Meter, store: Store): Store {
  const { isPaused } = store;
  if (isPaused) meter.observe("valetkey.store.breaker.open", [], () => Number(isPaused()));
  return around(store, (call, made) =>
    Effect.tapError(made, (failure) =>
      Effect.sync(() => {
        const isShed = failure._tag === "StoreUnavailable" && failure.kind === "shed";
        if (isShed) meter.update("valetkey.store.calls", [call, failure.kind]);
      }),
    ),
  );
}

type Failure = StoreUnavailable | ObjectUnreadable;

function around(
  store: Store,
  wrap: <A, E extends Failure>(call: string, made: Effect.Effect<A, E>) => Effect.Effect<A, E>,
): Store {
  const { multipart, writeOnce } = store;
  return {
    ...store,
    ensureBucket: wrap("ensure-bucket", store.ensureBucket),
    head: (key) => wrap("head", store.head(key)),
    keep: (object) => wrap("keep", store.keep(object)),
    remove: (object) => wrap("remove", store.remove(object)),
    ...(writeOnce && { writeOnce: { ...writeOnce, look: wrap("write-once", writeOnce.look) } }),
    ...(multipart && {
      multipart: {
        ...multipart,
        create: (object) => wrap("create-multipart", multipart.create(object)),
        list: (upload) => wrap("list-parts", multipart.list(upload)),
        complete: (upload) => wrap("complete-multipart", multipart.complete(upload)),
        abort: (upload) => wrap("abort-multipart", multipart.abort(upload)),
      },
    }),
  };
}

function outcomeFrom(exit: Exit.Exit<unknown, Failure>): string {
  if (Exit.isSuccess(exit)) {
    const { value } = exit;
    return value === "ended" || (Option.isOption(value) && Option.isNone(value)) ? "absent" : "ok";
  }
  const failure = Result.getOrUndefined(Cause.findError(exit.cause));
  // Whoever waits no longer interrupts; an object that nobody can read was found.
  if (failure === undefined) return Cause.hasInterruptsOnly(exit.cause) ? "timeout" : "senseless";
  return failure._tag === "StoreUnavailable" ? failure.kind : "ok";
}
