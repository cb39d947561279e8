import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import { breaker } from "../../adapters/redis/breaker.ts";

const failure = (reason: string) => ({ reason });

/** What answers, refuses or says nothing, and counts how often it is asked. */
function server() {
  const state = { asked: 0, does: "answer" as "answer" | "fail" | "hang" };
  const command = (): Promise<string> => {
    state.asked++;
    if (state.does === "hang") return new Promise(() => undefined);
    return state.does === "fail" ? Promise.reject(new Error("it is down")) : Promise.resolve("yes");
  };
  const protect = breaker(50, failure);
  return { state, ask: Effect.result(Effect.suspend(() => protect(command))) };
}

const reasonOf = (asked: Result.Result<string, { readonly reason: string }>) =>
  Result.isFailure(asked) ? asked.failure.reason : undefined;

it.effect("a command that does not answer fails after 50 milliseconds", () =>
  Effect.gen(function* () {
    const { state, ask } = server();
    state.does = "hang";
    const asking = yield* Effect.forkChild(ask);
    yield* TestClock.adjust("49 millis");
    expect(asking.pollUnsafe()).toBeUndefined();
    yield* TestClock.adjust("1 millis");
    expect(reasonOf(yield* Fiber.join(asking))).toContain("within 50 milliseconds");
  }),
);

it.effect("after five failures in a row commands pause for a second, and then one is tried", () =>
  Effect.gen(function* () {
    const { state, ask } = server();
    state.does = "fail";
    const many = Effect.all(
      Array.from({ length: 100 }, () => ask),
      { concurrency: "unbounded" },
    );
    for (let tries = 0; tries < 5; tries++) expect(reasonOf(yield* ask)).toBe("it is down");
    for (let second = 1; second <= 10; second++) {
      yield* many;
      yield* TestClock.adjust("999 millis");
      yield* many;
      expect(state.asked).toBe(4 + second);
      yield* TestClock.adjust("1 millis");
      const reasons = (yield* many).map(reasonOf);
      expect(reasons.filter((reason) => reason === "it is down")).toHaveLength(1);
      expect(state.asked).toBe(5 + second);
    }
  }),
);

it.effect("while commands hang, one a second is tried, and all others fail at once", () =>
  Effect.gen(function* () {
    const { state, ask } = server();
    state.does = "hang";
    const first = yield* Effect.forkChild(
      Effect.all(
        Array.from({ length: 8 }, () => ask),
        { concurrency: "unbounded" },
      ),
    );
    yield* TestClock.adjust("50 millis");
    yield* Fiber.join(first);
    yield* TestClock.adjust("1 second");
    const probe = yield* Effect.forkChild(ask);
    yield* TestClock.adjust(0);
    expect(state.asked).toBe(9);
    // While that one waits, and without any time.
    for (let tries = 0; tries < 100; tries++) expect(reasonOf(yield* ask)).toBeDefined();
    expect(state.asked).toBe(9);
    yield* TestClock.adjust("50 millis");
    expect(reasonOf(yield* Fiber.join(probe))).toContain("within 50 milliseconds");
  }),
);

it.effect("once Redis answers again, every command is sent", () =>
  Effect.gen(function* () {
    const { state, ask } = server();
    state.does = "fail";
    for (let tries = 0; tries < 50; tries++) yield* ask;
    state.does = "answer";
    expect(reasonOf(yield* ask)).toBeDefined();
    yield* TestClock.adjust("1 second");
    for (let tries = 0; tries < 50; tries++) expect(reasonOf(yield* ask)).toBeUndefined();
    expect(state.asked).toBe(5 + 50);
  }),
);

it.effect("failures with an answer between them do not pause commands", () =>
  Effect.gen(function* () {
    const { state, ask } = server();
    for (let tries = 1; tries <= 100; tries++) {
      state.does = tries % 5 === 0 ? "answer" : "fail";
      yield* ask;
      expect(state.asked).toBe(tries);
    }
  }),
);

it.effect("Sentinels that know no master are named as such", () =>
  Effect.gen(function* () {
    const { reason } = yield* Effect.flip(
      breaker(50, failure)(() => Promise.reject(new Error("no valid master node"))),
    );
    expect(reason).toContain("no master of the name in REDIS_URL");
  }),
);

it.effect("a node of a cluster that was not configured as one is named as such", () =>
  Effect.gen(function* () {
    const { reason } = yield* Effect.flip(
      breaker(50, failure)(() => Promise.reject(new Error("MOVED 42 127.0.0.1:6380"))),
    );
    expect(reason).toContain("set REDIS_CLUSTER=on");
  }),
);
