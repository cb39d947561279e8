import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Random from "effect/Random";
import * as Schedule from "effect/Schedule";
import * as Semaphore from "effect/Semaphore";
import { type ObjectUnreadable, StoreUnavailable } from "../domain/errors.ts";
import { makeBreaker } from "./breaker.ts";
import { ObjectStore } from "./ports/object-store.ts";

interface Call {
  /** All attempts together; a PUT that stalls can lock its key. */
  readonly seconds: number;
  /** A second one changes nothing. */
  readonly isRepeatable: boolean;
}

const CALLS = {
  ensureBucket: { seconds: 30, isRepeatable: true },
  head: { seconds: 5, isRepeatable: true },
  keep: { seconds: 5, isRepeatable: true },
  remove: { seconds: 5, isRepeatable: true },
  // A second one would begin another upload, which nobody knows.
  create: { seconds: 5, isRepeatable: false },
  // For up to 10,000 parts.
  list: { seconds: 20, isRepeatable: true },
  // The store may continue after that; the object is looked at afterwards.
  complete: { seconds: 60, isRepeatable: true },
  abort: { seconds: 5, isRepeatable: true },
} satisfies Readonly<Record<string, Call>>;

/** Well below the requests that the service has under way, so that those which sign pass. */
const MOST_CALLS = 64;
const MOST_WAITING = 256;
const LONGEST_WAIT = "1 second";

/** Repetitions: at first 10, and then one for every ten calls. */
const BUDGET = { most: 10, share: 0.1 };

const BACK_OFF = Schedule.exponential("100 millis").pipe(
  Schedule.upTo({ times: 2 }),
  Schedule.setInputType<Failure>(),
  // Full jitter, from the moment that the store wants.
  Schedule.modifyDelay(({ duration, input }) =>
    Effect.map(Random.next, (share) => millisAsked(input) + Duration.toMillis(duration) * share),
  ),
);

type Failure = StoreUnavailable | ObjectUnreadable;

const millisAsked = (failure: Failure) =>
  failure._tag === "StoreUnavailable" ? (failure.retryAfter ?? 0) * 1000 : 0;

const BREAKER = {
  threshold: 5,
  /** In milliseconds. */
  pause: 1000,
  judge: (failure: Failure) =>
    failure._tag === "StoreUnavailable" ? JUDGED[failure.kind] : "answered",
  paused: (last: Failure) => shed("reason" in last ? last.reason : "it did not answer"),
};

const JUDGED = {
  unreachable: "failed",
  timeout: "failed",
  refused: "answered",
  senseless: "answered",
  shed: "ignored",
} as const;

const shed = (reason: string) => new StoreUnavailable({ kind: "shed", reason });

/**
 * Bounds the calls to a store in time and in number, repeats those that may succeed the second time,
 * and makes none for a second after five in a row that were not answered.
 */
export function guardStore(store: ObjectStore["Service"]): ObjectStore["Service"] {
  const { multipart, writeOnce } = store;
  const limit = makeLimit();
  const repeat = makeRepeat();
  const { protect, isOpen } = makeBreaker<Failure, StoreUnavailable>(BREAKER);
  const bound = <A, E extends Failure>(
    { seconds, isRepeatable }: Call,
    call: Effect.Effect<A, E>,
  ): Effect.Effect<A, E | StoreUnavailable> =>
    Effect.timeoutOrElse(isRepeatable ? repeat(seconds, call) : call, {
      duration: `${seconds} seconds`,
      orElse: () => Effect.fail(tooLate(seconds)),
    });
  const guard = <A, E extends Failure>(call: Call, made: Effect.Effect<A, E>) =>
    protect(limit(bound(call, made)));

  return ObjectStore.of({
    // A look at the bucket finds out that the store is back.
    ensureBucket: bound(CALLS.ensureBucket, store.ensureBucket),
    isPaused: isOpen,
    lifecycle: store.lifecycle,
    ...(writeOnce && { writeOnce }),
    head: (key) => guard(CALLS.head, store.head(key)),
    keep: (object) => guard(CALLS.keep, store.keep(object)),
    remove: (object) => guard(CALLS.remove, store.remove(object)),
    ...(multipart && {
      multipart: {
        abandoned: multipart.abandoned,
        ...(multipart.fileChecksums && { fileChecksums: multipart.fileChecksums }),
        create: (object) => guard(CALLS.create, multipart.create(object)),
        list: (upload) => guard(CALLS.list, multipart.list(upload)),
        complete: (upload) => guard(CALLS.complete, multipart.complete(upload)),
        abort: (upload) => guard(CALLS.abort, multipart.abort(upload)),
      },
    }),
  });
}

/** A layer whose store is guarded. */
export const guarded = <A, E>(layer: Layer.Layer<A | ObjectStore, E>) =>
  Layer.effect(ObjectStore, Effect.map(ObjectStore, guardStore)).pipe(Layer.provideMerge(layer));

function makeRepeat() {
  let left = BUDGET.most;
  function spend(): boolean {
    if (left < 1) return false;
    left--;
    return true;
  }
  return <A, E extends Failure>(seconds: number, call: Effect.Effect<A, E>) =>
    Effect.flatMap(Clock.currentTimeMillis, (start) => {
      left = Math.min(BUDGET.most, left + BUDGET.share);
      const end = start + seconds * 1000;
      return Effect.retry(call, {
        schedule: BACK_OFF,
        while: (failure) =>
          Effect.map(
            Clock.currentTimeMillis,
            (now) => mayPass(failure) && now + millisAsked(failure) < end && spend(),
          ),
      });
    });
}

const mayPass = (failure: Failure) =>
  failure._tag === "StoreUnavailable" &&
  (failure.kind === "unreachable" || failure.isTemporary === true);

function makeLimit() {
  const permits = Semaphore.makeUnsafe(MOST_CALLS);
  let waiting = 0;
  return <A, E>(call: Effect.Effect<A, E>): Effect.Effect<A, E | StoreUnavailable> => {
    const wait = Effect.suspend(() => {
      if (waiting === MOST_WAITING) return Effect.fail(TOO_MANY);
      let isWaiting = true;
      waiting++;
      const stop = () => {
        if (isWaiting) waiting--;
        isWaiting = false;
      };
      const begin = Effect.suspend(() => {
        stop();
        return call;
      });
      const giveUp = Effect.suspend(() => (isWaiting ? Effect.fail(TOO_MANY) : Effect.never));
      return Effect.raceFirst(
        permits.withPermit(begin),
        Effect.andThen(Effect.sleep(LONGEST_WAIT), giveUp),
      ).pipe(Effect.ensuring(Effect.sync(stop)));
    });
    return Effect.flatMap(permits.withPermitsIfAvailable(1)(call), (done) =>
      Option.isSome(done) ? Effect.succeed(done.value) : wait,
    );
  };
}

const TOO_MANY = shed(`more than ${MOST_CALLS} calls to the store are under way`);

const tooLate = (seconds: number) =>
  new StoreUnavailable({
    kind: "timeout",
    reason: `the store did not answer within ${seconds} seconds`,
  });
