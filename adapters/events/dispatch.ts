import * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as FiberSet from "effect/FiberSet";
import * as Latch from "effect/Latch";
import * as Schedule from "effect/Schedule";
import * as Semaphore from "effect/Semaphore";
import { cachedFor } from "../../application/resilience/cached.ts";
import type { EventsUnavailable } from "../../domain/errors.ts";
import { errorMessage } from "../values/thrown.ts";
import type { Attempt, Message, Outbox, Outcome } from "./outbox.ts";
import type { ReceiverAnswer } from "./send.ts";

/** The waits before each further attempt: 75 hours together. Standard Webhooks 1.0.0, "Retries". */
export const WAITS: ReadonlyArray<Duration.Duration> = [
  Duration.seconds(5),
  Duration.minutes(5),
  Duration.minutes(30),
  ...[2, 5, 10, 14, 20, 24].map(Duration.hours),
];

const AT_ONCE = 8;
const SETTLING = { schedule: Schedule.spaced("1 second"), times: 30 };
/** Less than `LEASE`, so that no other process makes the next attempt meanwhile. */
const LONGEST_ATTEMPT = "50 seconds";
const TOO_LATE = `there was no answer within ${LONGEST_ATTEMPT}`;
const POLL_INTERVAL = "1 second";
/** In milliseconds. */
const LONGEST_PAUSE = 5000;
/** The longest that deliveries under way are waited for at the end. */
const DRAIN_TIMEOUT = "3 seconds";

/** Makes one attempt at `now`, in milliseconds; rejects if there is no answer. */
export type Deliver = (
  message: Message,
  attempt: { readonly now: number; readonly signal: AbortSignal },
) => Promise<ReceiverAnswer>;

/** Delivers what is due until the scope closes, and returns how to look again at once. */
export const dispatch = Effect.fnUntraced(function* (
  outbox: Outbox,
  send: Deliver,
  onSettled: (state: Outcome["state"]) => void = () => undefined,
) {
  const slots = Semaphore.makeUnsafe(AT_ONCE);
  const deliveries = yield* FiberSet.make();
  const isDue = Latch.makeUnsafe();
  const tell = {
    unavailable: yield* onceAMinute("events wait: their queue cannot be used", Effect.logWarning),
    dead: yield* onceAMinute("an event was given up", Effect.logError),
    waiting: yield* onceAMinute("an event was not taken, and waits", Effect.logWarning),
  };
  const whileItFails = ({ reason }: EventsUnavailable) => tell.unavailable({ reason });
  /** Attempts since the receiver was last there. */
  let missed = 0;

  const deliver = Effect.fnUntraced(
    function* (attempt: Attempt) {
      const now = yield* Clock.currentTimeMillis;
      const answer = yield* answerTo(attempt, { now, send });
      missed = isAway(answer) ? missed + 1 : 0;
      const outcome = outcomeAfter(attempt.attempt, answer, now);
      if (outcome.state !== "delivered") {
        yield* tell[outcome.state]({ id: attempt.id, failure: outcome.failure });
      }
      // Otherwise it is sent again, so it is worth a while.
      yield* Effect.retry(outbox.settle(attempt, outcome), SETTLING);
      onSettled(outcome.state);
      // The next of its lane may be due.
      isDue.openUnsafe();
    },
    Effect.catchTag("EventsUnavailable", whileItFails),
  );

  const next = Effect.gen(function* () {
    // All that waits would fail, one after the other.
    if (missed > 0) yield* Effect.sleep(Math.min(LONGEST_PAUSE, 100 * 2 ** missed));
    yield* slots.take(1);
    isDue.closeUnsafe();
    const attempt = yield* Effect.onError(outbox.claim, () => slots.release(1));
    if (attempt === undefined) {
      yield* slots.release(1);
      yield* Effect.timeoutOption(isDue.await, POLL_INTERVAL);
    } else {
      yield* FiberSet.run(deliveries, Effect.ensuring(deliver(attempt), slots.release(1)));
    }
  }).pipe(
    Effect.catchTag("EventsUnavailable", (failure) =>
      Effect.andThen(whileItFails(failure), Effect.sleep(POLL_INTERVAL)),
    ),
  );

  // Runs before those that are still under way are interrupted.
  yield* Effect.addFinalizer(() => Effect.timeoutOption(slots.take(AT_ONCE), DRAIN_TIMEOUT));
  yield* Effect.forkScoped(Effect.forever(next));
  yield* Effect.forkScoped(
    outbox.forget.pipe(
      Effect.catchTag("EventsUnavailable", whileItFails),
      Effect.repeat(Schedule.spaced("1 hour")),
    ),
  );
  return () => void isDue.openUnsafe();
});

/** The answer, or the reason why there was none. */
const answerTo = (
  message: Message,
  { now, send }: { readonly now: number; readonly send: Deliver },
): Effect.Effect<ReceiverAnswer | string> =>
  Effect.tryPromise({
    try: (signal) => send(message, { now, signal }),
    catch: (cause) => errorMessage(cause),
  }).pipe(
    Effect.catch((failure) => Effect.succeed(failure)),
    Effect.timeoutOrElse({ duration: LONGEST_ATTEMPT, orElse: () => Effect.succeed(TOO_LATE) }),
  );

/** Other answers are of the one event. */
const isAway = (answer: ReceiverAnswer | string) =>
  typeof answer === "string" || [429, 502, 503, 504].includes(answer.status);

/** Logs the first at once, and then the last of each minute with their number. */
const onceAMinute = Effect.fnUntraced(function* (message: string, log: typeof Effect.logError) {
  let failures = 0;
  let last = {};
  const tell = yield* cachedFor(
    Effect.suspend(() => {
      const facts = { ...last, failures };
      failures = 0;
      return log(message, facts);
    }),
    "1 minute",
  );
  return (facts: object) => {
    failures++;
    last = facts;
    return tell;
  };
});

/** `answer` is a reason where there was none; times are in milliseconds. */
export function outcomeAfter(
  attempt: number,
  answer: ReceiverAnswer | string,
  now: number,
): Outcome {
  const isAnswered = typeof answer !== "string";
  if (isAnswered && answer.status >= 200 && answer.status < 300) return { state: "delivered" };
  const failure = isAnswered ? `the receiver answered ${answer.status}` : answer;
  const wait = WAITS[attempt - 1];
  const isGone = isAnswered && answer.status === 410;
  if (isGone || wait === undefined) return { state: "dead", failure };
  const asked = isAnswered ? askedWait(answer.retryAfter, now) : 0;
  const longest = Duration.toMillis(Duration.hours(24));
  // Many events fail at once where a receiver is down.
  const own = Duration.toMillis(wait) * (0.9 + Math.random() * 0.2);
  return { state: "waiting", failure, after: Math.ceil(Math.max(own, Math.min(asked, longest))) };
}

/** RFC 9110, section 10.2.3: seconds or a date. */
function askedWait(retryAfter = "", now: number): number {
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1000;
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) ? 0 : date - now;
}
