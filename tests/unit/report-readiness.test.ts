import { expect, it } from "@effect/vitest";
import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as TestClock from "effect/testing/TestClock";
import { reportReadiness } from "../../adapters/cli/serve.ts";
import type { PartState, Readiness } from "../../application/check-readiness.ts";

it.effect("what is ready is looked at again every ten minutes, also where nobody asks", () =>
  Effect.gen(function* () {
    const looks = yield* watched([]);
    yield* TestClock.adjust("25 minutes");
    // The check keeps its answer for seconds, so that the second look costs nothing.
    expect(looks).toEqual([0, 0, 10, 20]);
  }),
);

it.effect("what fails is looked at again soon, until it is ready", () =>
  Effect.gen(function* () {
    const looks = yield* watched([false, false, true, true, false]);
    yield* TestClock.adjust("15 minutes");
    expect(looks).toEqual([0, 0, 10, 10, 10]);
  }),
);

/** The minutes at which the parts are looked at; the store fails at those looks. */
const watched = Effect.fnUntraced(function* (failing: ReadonlyArray<boolean>) {
  const looks: Array<number> = [];
  const check = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis;
    const ok: PartState = { state: "ok", since: DateTime.makeUnsafe(now) };
    const fails = failing[looks.length] ?? false;
    looks.push(Math.floor(now / 60_000));
    const store: PartState = fails ? { ...ok, state: "failing", reason: "it is down" } : ok;
    return { signing: ok, store, limits: ok } satisfies Readiness;
  });
  yield* Effect.forkChild(reportReadiness(check, "a store"));
  return looks;
});
