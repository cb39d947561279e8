import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as FiberSet from "effect/FiberSet";
import * as Latch from "effect/Latch";
import * as Schedule from "effect/Schedule";
import * as Semaphore from "effect/Semaphore";
import { cachedFor } from "../../application/resilience/cached.ts";
import type { EventsUnavailable } from "../../domain/errors.ts";
import { clientSpan } from "../values/spans.ts";
import { errorMessage } from "../values/thrown.ts";
import type { Attempt, Message, Outbox, Outcome } from "./outbox.ts";
import type { DeliveryAttempt, ReceiverAnswer } from "./send.ts";

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
/** Longest pause between attempts while the receiver is away, in milliseconds. */
const LONGEST_PAUSE = 5000;
/** Longest wait for deliveries under way at the end. */
const DRAIN_TIMEOUT = "3 seconds";

/** Makes one attempt; rejects if there is no answer. */
export type Deliver = (message: Message, attempt: DeliveryAttempt) => Promise<ReceiverAnswer>;

/** Delivers due messages until the scope closes, and returns a function that wakes it. */
export const dispatch = Effect.fnUntraced(function* (
  outbox: Outbox,
  send: Deliver,
  onSettled: (state: Outcome["state"]) => void = () => undefined,
) {
  const slots = Semaphore.makeUnsafe(AT_ONCE);
  const deliveries = yield* FiberSet.make();
  const isDue = Latch.makeUnsafe();
  const report = {
    unavailable: yield* onceAMinute("events wait: their queue cannot be used", Effect.logWarning),
    dead: yield* onceAMinute("an event was given up", Effect.logError),
    waiting: yield* onceAMinute("an event was not taken, and waits", Effect.logWarning),
  };
  const whileItFails = ({ reason }: EventsUnavailable) => report.unavailable({ reason });
  /** Attempts since the receiver last answered. */
  let missed = 0;

  const deliver = Effect.fnUntraced(
    function* (attempt: Attempt) {
      const now = yield* Clock.currentTimeMillis;
      const answer = yield* answerTo(attempt, { now, send });
      missed = isAway(answer) ? missed + 1 : 0;
      const outcome = outcomeAfter(attempt.attempt, answer, now);
      if (outcome.state !== "delivered") {
        yield* report[outcome.state]({ id: attempt.id, failure: outcome.failure });
      }
      // Retried: an outcome that is not kept means that the message is sent again.
      yield* Effect.retry(outbox.settle(attempt, outcome), SETTLING);
      onSettled(outcome.state);
      // The next message of its lane may be due.
      isDue.openUnsafe();
    },
    Effect.catchTag("EventsUnavailable", whileItFails),
  );

  const next = Effect.gen(function* () {
    // Without a pause, all waiting messages would fail, one after the other.
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

  // Runs before deliveries under way are interrupted.
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

/** Returns the answer, or the reason why there was none. */
const answerTo = (
  message: Attempt,
  { now, send }: { readonly now: number; readonly send: Deliver },
): Effect.Effect<ReceiverAnswer | string> =>
  clientSpan(
    "POST",
    { "http.request.method": "POST", "messaging.message.id": message.id },
    (trace) =>
      Effect.tryPromise({
        try: (signal) => send(message, { now, signal, trace }),
        catch: (cause) => errorMessage(cause),
      }),
    true,
  ).pipe(
    Effect.provideContext(message.trace ?? Context.empty()),
    Effect.catch((failure) => Effect.succeed(failure)),
    Effect.timeoutOrElse({ duration: LONGEST_ATTEMPT, orElse: () => Effect.succeed(TOO_LATE) }),
  );

/** Other failures are of one event. */
const isAway = (answer: ReceiverAnswer | string) =>
  typeof answer === "string" || [429, 502, 503, 504].includes(answer.status);

/** Logs the first failure at once, then the last of each minute with their count. */
const onceAMinute = Effect.fnUntraced(function* (message: string, log: typeof Effect.logError) {
  let failures = 0;
  let last = {};
  const flush = yield* cachedFor(
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
    return flush;
  };
});

/** Decides from an answer, or the reason why there was none. Times are in milliseconds. */
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
  const requested = isAnswered ? retryAfterMillis(answer.retryAfter, now) : 0;
  const longest = Duration.toMillis(Duration.hours(24));
  // Spread out, since many events fail at once when a receiver is down.
  const scheduled = Duration.toMillis(wait) * (0.9 + Math.random() * 0.2);
  return {
    state: "waiting",
    failure,
    after: Math.ceil(Math.max(scheduled, Math.min(requested, longest))),
  };
}

/** Reads `Retry-After` (RFC 9110, section 10.2.3): seconds or a date. */
function retryAfterMillis(retryAfter = "", now: number): number {
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1000;
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) ? 0 : date - now;
}
