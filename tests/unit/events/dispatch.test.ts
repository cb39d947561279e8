import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Logger from "effect/Logger";
import * as Scope from "effect/Scope";
import * as TestClock from "effect/testing/TestClock";
import { makeReadinessCheck } from "../../../application/store/check-readiness.ts";
import { Events } from "../../../application/ports/events.ts";
import { Limiter } from "../../../application/ports/limiter.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { EventsUnavailable } from "../../../domain/errors.ts";
import { OrganizationId } from "../../../domain/organization.ts";
import { StorageKey } from "../../../domain/storage-key.ts";
import type { UploadEvent } from "../../../domain/upload-event.ts";
import { dispatch } from "../../../adapters/events/dispatch.ts";
import { makeEvents } from "../../../adapters/events/events.ts";
import type { Message, Outbox } from "../../../adapters/events/outbox.ts";
import type { ReceiverAnswer } from "../../../adapters/events/send.ts";
import { sqliteOutbox } from "../../../adapters/events/sqlite-outbox.ts";
import { makeFolder } from "../../support/make-folder.ts";

const DOWN = Effect.fail(new EventsUnavailable({ reason: "it is down" }));
const TAKEN = async () => ({ status: 204, retryAfter: undefined });
const REFUSED = () => Promise.reject(new Error("refused"));
const faulty = async ({ id }: Message) => ({
  status: Number(id) % 2 === 0 ? 500 : 410,
  retryAfter: undefined,
});

/** A queue of so many events, of which each call is `settle` or `claim` unless that gives none. */
function queueOf(
  count: number,
  script: Partial<Record<"claim" | "settle", () => Effect.Effect<void, EventsUnavailable>>>,
) {
  let claimed = 0;
  const calls = { claim: 0, settle: 0, forget: 0 };
  const call = (name: keyof typeof calls) =>
    Effect.suspend(() => {
      calls[name]++;
      return name === "forget" ? DOWN : (script[name]?.() ?? Effect.void);
    });
  const settled: Array<string> = [];
  const outbox = {
    claim: Effect.map(call("claim"), () =>
      claimed < count ? { id: `${++claimed}`, lane: "a", body: "{}", attempt: 1 } : undefined,
    ),
    settle: ({ id }, { state }) => Effect.map(call("settle"), () => settled.push(`${id} ${state}`)),
    forget: call("forget"),
  } as Outbox;
  return { outbox, calls, settled };
}

/** Begins what nobody waits for at its end: the clock stands still by then. */
const unawaited = <A, E>(begin: Effect.Effect<A, E, Scope.Scope>) =>
  Effect.provideService(begin, Scope.Scope, Scope.makeUnsafe());

/** Lets seconds pass one by one, in each of which several things happen. */
const pass = (seconds: number) =>
  Effect.repeat(TestClock.adjust("1 second"), { times: seconds - 1 });

/** Fails so many times, and then no more. */
function failing(times: number) {
  let left = times;
  return () => (left-- > 0 ? DOWN : Effect.void);
}

const noAddresses = () => ({ file_url: "", public_url: undefined });

it.effect("a queue that is away for long is asked again, and all that it has is then sent", () =>
  Effect.gen(function* () {
    const { outbox, calls, settled } = queueOf(20, { claim: failing(20) });
    yield* unawaited(dispatch(outbox, TAKEN));
    yield* pass(60);
    expect(calls.claim).toBeGreaterThan(40);
    expect(settled).toHaveLength(20);
    yield* TestClock.adjust("1 hour");
    expect(calls.forget).toBe(2);
  }),
);

it.effect("an event that was sent is settled once the queue is back, and is not sent again", () =>
  Effect.gen(function* () {
    let sent = 0;
    const told: Array<string> = [];
    const { outbox, settled } = queueOf(1, { settle: failing(25) });
    const send = () => (sent++, TAKEN());
    yield* unawaited(dispatch(outbox, send, (state) => told.push(state)));
    yield* pass(24);
    expect([settled, told]).toEqual([[], []]);
    yield* pass(2);
    expect([sent, settled, told]).toEqual([1, ["1 delivered"], ["delivered"]]);
  }),
);

it.effect("eight events are sent at a time, and one that cannot be settled makes room", () =>
  Effect.gen(function* () {
    const ends: Array<() => void> = [];
    const { outbox, settled } = queueOf(12, { settle: failing(31) });
    const send = () =>
      new Promise<{ status: number; retryAfter: undefined }>((resolve) =>
        ends.push(() => resolve({ status: 204, retryAfter: undefined })),
      );
    yield* unawaited(dispatch(outbox, send));
    yield* pass(5);
    expect(ends).toHaveLength(8);
    ends[0]?.();
    yield* pass(40);
    expect([ends.length, settled]).toEqual([9, []]);
    for (const end of ends) end();
    yield* pass(5);
    expect([ends.length, settled.length]).toEqual([12, 8]);
  }),
);

/** What the log has of events that were not taken. */
function watchLog() {
  const lines: Array<string> = [];
  const logger = Logger.make(({ message }) => {
    const [text, facts] = Array.isArray(message) ? message : [message];
    if (facts.failure !== undefined) lines.push(`${text}: ${facts.failure}, ${facts.failures}`);
  });
  return { lines, layer: Logger.layer([logger]) };
}

it.effect("a receiver that is away is asked every five seconds, with a line a minute", () =>
  Effect.gen(function* () {
    const { lines, layer } = watchLog();
    const { outbox, calls, settled } = queueOf(100, {});
    let answer: () => Promise<ReceiverAnswer> = REFUSED;
    yield* unawaited(dispatch(outbox, () => answer())).pipe(Effect.provide(layer));
    yield* pass(90);
    expect(calls.claim).toBeLessThan(30);
    expect(lines).toEqual([
      "an event was not taken, and waits: refused, 1",
      expect.stringMatching(/^an event was not taken, and waits: refused, 1\d$/),
    ]);
    for (const status of [503, 504, 429, 502]) {
      answer = async () => ({ status, retryAfter: undefined });
      yield* pass(10);
    }
    expect(calls.claim).toBeLessThan(40);
    answer = TAKEN;
    yield* pass(100);
    expect(settled).toHaveLength(100);
    expect(lines).toHaveLength(3);
  }),
);

it.effect("an event that the receiver refuses holds up no other", () =>
  Effect.gen(function* () {
    const { lines, layer } = watchLog();
    const { outbox, settled } = queueOf(60, {});
    yield* unawaited(dispatch(outbox, faulty)).pipe(Effect.provide(layer));
    yield* pass(59);
    expect(settled).toHaveLength(60);
    expect(lines).toEqual([
      "an event was given up: the receiver answered 410, 1",
      "an event was not taken, and waits: the receiver answered 500, 1",
    ]);
  }),
);

it.effect("an attempt that hangs has failed before another process may make the next", () =>
  Effect.gen(function* () {
    const folder = makeFolder();
    const outbox = yield* sqliteOutbox(folder);
    yield* outbox.put({ id: "evt_a", lane: "a", body: "{}" });
    const signals: Array<AbortSignal> = [];
    const hang = (signal: AbortSignal) => {
      signals.push(signal);
      return new Promise<never>(() => undefined);
    };
    yield* dispatch(outbox, (_, { signal }) => hang(signal));
    yield* TestClock.adjust("49 seconds");
    expect(yield* outbox.find("evt_a")).toMatchObject({ attempts: 1, failure: null });
    yield* TestClock.adjust("1 second");
    expect(yield* outbox.find("evt_a")).toMatchObject({
      state: "waiting",
      attempts: 1,
      failure: "there was no answer within 50 seconds",
    });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  }),
);

it.effect("readiness tells of a queue that cannot keep events as soon as a confirm does", () =>
  Effect.gen(function* () {
    let answer: Effect.Effect<void, EventsUnavailable> = Effect.void;
    let waiting = 0;
    const asked = Effect.suspend(() => answer);
    const outbox = {
      put: () => asked,
      claim: Effect.as(asked, undefined),
      check: asked,
      counts: Effect.sync(() => ({ waiting, dead: 0 })),
      forget: Effect.void,
    } as unknown as Outbox;
    const events = yield* unawaited(makeEvents({ outbox, deliver: TAKEN, addresses: noAddresses }));
    const readiness = yield* makeReadinessCheck("2 seconds", events.hasFailed);
    const state = readiness.pipe(
      Effect.provideService(Events, events),
      Effect.provideService(Presigner, { get: () => Effect.void, put: () => Effect.void } as never),
      Effect.provideService(ObjectStore, { ensureBucket: Effect.void } as never),
      Effect.provideService(Limiter, { check: Effect.void } as never),
      Effect.map((parts) => parts.events?.reason ?? parts.events?.state),
    );
    const publish = Effect.exit(events.publish(REMOVED));
    yield* publish;
    expect(yield* state).toBe("ok");
    answer = Effect.fail(new EventsUnavailable({ reason: "it is down" }));
    yield* publish;
    expect(yield* state, "after a publish").toBe("it is down");
    answer = Effect.void;
    yield* TestClock.adjust("6 seconds");
    expect(yield* state).toBe("ok");
    answer = Effect.fail(new EventsUnavailable({ reason: "it is down" }));
    yield* TestClock.adjust("2 seconds");
    expect(yield* state, "where another process publishes").toBe("it is down");
    answer = Effect.void;
    waiting = 100_000;
    yield* TestClock.adjust("6 seconds");
    expect(yield* state).toContain("is full");
  }),
);

const REMOVED: UploadEvent = {
  type: "upload.removed",
  slug: "acme",
  data: {
    key: StorageKey.make("orgs/a/files/2026/11/00000000-0000-4000-8000-000000000000.txt"),
    organization: OrganizationId.make("a"),
    subject: "mia",
  },
};
