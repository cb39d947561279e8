import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import { breaker } from "../../../adapters/redis/breaker.ts";

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

it.effect.each([
  ["no valid master node", "no master of the name in REDIS_URL"],
  ["MOVED 42 127.0.0.1:6380", "set REDIS_CLUSTER=on"],
])("the answer %s of Redis says what to configure", ([message, advice]) =>
  Effect.gen(function* () {
    const protect = breaker(50, failure);
    const { reason } = yield* Effect.flip(protect(() => Promise.reject(new Error(message))));
    expect(reason).toContain(advice);
  }),
);
