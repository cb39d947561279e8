import { expect, it } from "@effect/vitest";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as TestClock from "effect/testing/TestClock";
import { makeListWait } from "../../../adapters/limits/usage/list-wait.ts";
import { OrganizationId } from "../../../domain/organization.ts";

const acme = OrganizationId.make("acme");

it.effect("uploads wait for one list together, for two seconds at most, and once a minute", () =>
  Effect.gen(function* () {
    const { wait, isOver } = makeListWait();
    let lists = 0;
    const care = Effect.andThen(
      Effect.sync(() => (lists += 1)),
      Effect.never,
    );
    expect(yield* isOver(acme)).toBe(false);
    const both = yield* Effect.forkChild(
      Effect.all([wait(acme, care, true), wait(acme, care, false)], { concurrency: 2 }),
    );
    yield* TestClock.adjust(1999);
    expect([both.pollUnsafe(), yield* isOver(acme), lists]).toEqual([undefined, false, 1]);
    yield* TestClock.adjust(1);
    yield* Fiber.join(both);
    expect(yield* isOver(acme)).toBe(true);
    // A list that goes on is not begun again.
    yield* wait(acme, care, true);
    expect(lists).toBe(1);
    yield* TestClock.adjust("1 minute");
    expect(yield* isOver(acme)).toBe(false);
  }),
);

it.effect("a wait ends with its list, and an account that is due again has another", () =>
  Effect.gen(function* () {
    const { wait } = makeListWait();
    const listed = yield* Deferred.make<void>();
    const waiting = yield* Effect.forkChild(wait(acme, Deferred.await(listed), false));
    yield* TestClock.adjust(1);
    expect(waiting.pollUnsafe()).toBeUndefined();
    yield* Deferred.succeed(listed, undefined);
    yield* Fiber.join(waiting);
    let lists = 0;
    const care = Effect.sync(() => void (lists += 1));
    yield* wait(acme, care, false);
    expect(lists).toBe(0);
    yield* wait(acme, care, true);
    expect(lists).toBe(1);
  }),
);
