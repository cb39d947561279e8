import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Random from "effect/Random";
import * as Schedule from "effect/Schedule";
import * as Semaphore from "effect/Semaphore";
import { StoreUnavailable } from "../../domain/errors.ts";
import { StorageKey } from "../../domain/storage-key.ts";
import { makeBreaker } from "../resilience/breaker.ts";
import { ObjectStore } from "../ports/object-store.ts";
import { aroundStore, type StoreFailure } from "./store-calls.ts";

/** Well below the requests that the service accepts, so that those which only sign still pass. */
const MOST_CALLS = 64;
const MOST_WAITING = 256;
/** Of all stores together, beside the few that each may always have. */
const MOST_OF_ALL = 1_000;
const ALWAYS = 16;
const LONGEST_WAIT = "1 second";

/** Most repetitions: 10 at first, and then one more for every ten calls. */
const BUDGET = { most: 10, share: 0.1 };

const BACK_OFF = Schedule.exponential("100 millis").pipe(
  Schedule.upTo({ times: 2 }),
  Schedule.setInputType<StoreFailure>(),
  // Full jitter, after the time that the store requires.
  Schedule.modifyDelay(({ duration, input }) =>
    Effect.map(
      Random.next,
      (share) => requiredWait(input) * 1000 + Duration.toMillis(duration) * share,
    ),
  ),
);

const requiredWait = (failure: StoreFailure) =>
  failure._tag === "StoreUnavailable" ? (failure.retryAfter ?? 0) : 0;

const isDown = (failure: StoreFailure): failure is StoreUnavailable =>
  failure._tag === "StoreUnavailable" && ["unreachable", "timeout"].includes(failure.kind);

const shed = (reason: string) => new StoreUnavailable({ kind: "shed", reason });

/** There is never such a file, and so nobody who can keep it from being looked at. */
const NO_FILE = StorageKey.make(
  "orgs/readiness/files/1970/01/00000000-0000-4000-8000-000000000000.txt",
);
const LOOK_TIMEOUT = 2;

/**
 * Limits calls to a store in time and number, repeats those that may then succeed, and pauses calls
 * for a second after five in a row without an answer, if it does not answer for another object
 * either: on MinIO an upload that stalls makes every look at its own key wait.
 */
export function guardStore(store: ObjectStore["Service"]): ObjectStore["Service"] {
  const limit = makeLimit();
  const repeat = makeRepeat();
  const look = store.head(NO_FILE).pipe(
    Effect.timeoutOrElse({
      duration: `${LOOK_TIMEOUT} seconds`,
      orElse: () => Effect.fail(tooLate(LOOK_TIMEOUT)),
    }),
    // A refusal is an answer.
    Effect.catch((failure) => (isDown(failure) ? Effect.fail(failure) : Effect.void)),
  );
  const { protect, isOpen } = makeBreaker(isDown, ({ reason }) => shed(reason), look);
  const guarded = aroundStore(store, (call, made) => {
    const { seconds, isRepeatable, isProbe } = call;
    const bound = Effect.timeoutOrElse(isRepeatable ? repeat(seconds, made) : made, {
      duration: `${seconds} seconds`,
      orElse: () => Effect.fail(tooLate(seconds)),
    });
    return isProbe ? bound : limit(protect(bound));
  });
  return { ...guarded, isPaused: isOpen };
}

export const guarded = <A, E>(layer: Layer.Layer<A | ObjectStore, E>) =>
  Layer.effect(ObjectStore, Effect.map(ObjectStore, guardStore)).pipe(Layer.provideMerge(layer));

function makeRepeat() {
  let left = BUDGET.most;
  return <A, E extends StoreFailure>(seconds: number, call: Effect.Effect<A, E>) =>
    Effect.suspend(() => {
      let waited = 0;
      left = Math.min(BUDGET.most, left + BUDGET.share);
      return Effect.retry(call, {
        schedule: BACK_OFF,
        while: (failure) => {
          waited += requiredWait(failure);
          const isRepeated = mayPass(failure) && waited < seconds && left >= 1;
          if (isRepeated) left--;
          return isRepeated;
        },
      });
    });
}

const mayPass = (failure: StoreFailure) =>
  failure._tag === "StoreUnavailable" &&
  (failure.kind === "unreachable" || failure.isTemporary === true);

/** Calls of all stores that are under way or wait. */
let taken = 0;

function makeLimit() {
  const calls = Semaphore.makeUnsafe(MOST_CALLS);
  let own = 0;
  // A store may have as many as are free for others. When many hang, the process still accepts
  // requests, and there are places for the next store: Choudhury and Hahne, "Dynamic Queue Length
  // Thresholds for Shared-Memory Packet Switches", 1998.
  const enter = Effect.suspend(() => {
    const most = Math.min(MOST_CALLS + MOST_WAITING, MOST_OF_ALL - taken);
    if (own >= Math.max(ALWAYS, most)) return TOO_MANY;
    own++;
    taken++;
    return Effect.void;
  });
  const leave = () =>
    Effect.sync(() => {
      own--;
      taken--;
    });
  return <A, E>(call: Effect.Effect<A, E>): Effect.Effect<A, E | StoreUnavailable> => {
    const admitted = Effect.suspend(() => {
      let isWaiting = true;
      const begin = Effect.suspend(() => {
        isWaiting = false;
        return call;
      });
      const giveUp = Effect.suspend(() => (isWaiting ? TOO_MANY : Effect.never));
      return Effect.raceFirst(
        calls.withPermit(begin),
        Effect.andThen(Effect.sleep(LONGEST_WAIT), giveUp),
      );
    });
    return Effect.acquireUseRelease(enter, () => admitted, leave);
  };
}

const TOO_MANY = Effect.fail(shed("too many calls to the store are under way"));

const tooLate = (seconds: number) =>
  new StoreUnavailable({
    kind: "timeout",
    reason: `the store did not answer within ${seconds} seconds`,
  });
