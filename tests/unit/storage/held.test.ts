import { expect, it } from "@effect/vitest";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Option from "effect/Option";
import * as TestClock from "effect/testing/TestClock";
import { CredentialsUnavailable } from "../../../domain/errors.ts";
import { type Expiring, hold } from "../../../adapters/storage/credentials/held.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** A source of credentials that expire an hour after they are obtained. */
const source = () => {
  const state = { asked: 0, isDown: false, delay: 0, life: HOUR };
  const obtain = Effect.gen(function* () {
    const serial = ++state.asked;
    if (state.delay > 0) yield* Effect.sleep(state.delay);
    if (state.isDown) return yield* new CredentialsUnavailable({ reason: "the source is down" });
    return { serial, expiresAt: (yield* Clock.currentTimeMillis) + state.life };
  });
  return { state, obtain };
};

const settle = TestClock.adjust(0);

it.effect("credentials are renewed at half of their life, so that nobody waits", () =>
  Effect.gen(function* () {
    const { state, obtain } = source();
    const held = yield* hold(obtain);
    yield* settle;
    for (const [elapsed, asked] of [
      [29 * MINUTE, 1],
      [2 * MINUTE, 2],
      [29 * MINUTE, 3],
    ] as const) {
      yield* TestClock.adjust(elapsed);
      expect(state.asked).toBe(asked);
    }
    // The held credentials are returned at once, even while the source is slow.
    state.delay = 9 * SECOND;
    yield* TestClock.adjust(30 * MINUTE + SECOND);
    const { serial } = yield* held(yield* Clock.currentTimeMillis, MINUTE);
    expect([state.asked, serial]).toEqual([4, 3]);
  }),
);

it.effect("no request of a day fails or waits, despite expiries and outages", () =>
  Effect.gen(function* () {
    const { state, obtain } = source();
    const held = yield* hold(obtain);
    yield* settle;
    // The source answers late, and is down for ten minutes of each hour.
    state.delay = 8 * SECOND;
    for (let second = 0; second < 24 * 60 * 60; second++) {
      state.isDown = second % 3600 < 600;
      const now = yield* Clock.currentTimeMillis;
      const given = yield* Effect.timeoutOption(held(now, MINUTE), 0);
      if (Option.isNone(given)) return yield* Effect.die(`second ${second} had to wait`);
      expect(given.value.expiresAt - now).toBeGreaterThanOrEqual(MINUTE);
      yield* TestClock.adjust(SECOND);
    }
    expect(state.asked).toBeLessThan(1000);
  }),
);

it.effect(
  "valid credentials stay in use while the source is down, and are renewed once it is back",
  () =>
    Effect.gen(function* () {
      const { state, obtain } = source();
      const held = yield* hold(obtain);
      yield* settle;
      state.isDown = true;
      yield* TestClock.adjust(59 * MINUTE);
      expect((yield* held(yield* Clock.currentTimeMillis, MINUTE)).serial).toBe(1);
      yield* TestClock.adjust(2 * MINUTE);
      const refusal = yield* Effect.flip(held(yield* Clock.currentTimeMillis, 0));
      expect(refusal).toEqual(new CredentialsUnavailable({ reason: "the source is down" }));
      state.isDown = false;
      yield* TestClock.adjust(30 * SECOND);
      const asked = state.asked;
      const { serial } = yield* held(yield* Clock.currentTimeMillis, MINUTE);
      expect([state.asked, serial]).toEqual([asked, asked]);
    }),
);

it.effect("credentials that expire soon are renewed before they are used", () =>
  Effect.gen(function* () {
    const { state, obtain } = source();
    state.life = 90 * SECOND;
    const held = yield* hold(obtain);
    yield* settle;
    yield* TestClock.adjust(40 * SECOND);
    state.life = HOUR;
    const { serial } = yield* held(yield* Clock.currentTimeMillis, MINUTE);
    expect(serial).toBe(2);
  }),
);

it.effect("credentials that expire too soon are refused", () =>
  Effect.gen(function* () {
    const { state, obtain } = source();
    state.life = 30 * SECOND;
    const held = yield* hold(obtain);
    yield* settle;
    const now = yield* Clock.currentTimeMillis;
    const refusal = yield* Effect.flip(held(now, MINUTE));
    expect(refusal.reason).toBe(
      "the credentials expire in 30 seconds, and newer ones could not be obtained yet",
    );
    expect((yield* held(now, 10 * SECOND)).serial).toBeGreaterThan(0);
  }),
);

it.effect.each([Number.NaN, -1, 0])(
  "credentials that expire %d milliseconds from now are refused, and are not requested without pause",
  (life) =>
    Effect.gen(function* () {
      const { state, obtain } = source();
      const held = yield* hold(obtain);
      yield* settle;
      state.life = life;
      yield* TestClock.adjust(59 * MINUTE);
      expect(state.asked).toBeLessThan(100);
      // The held credentials are better than expired ones.
      expect((yield* held(yield* Clock.currentTimeMillis, SECOND)).serial).toBe(1);
      yield* TestClock.adjust(2 * MINUTE);
      expect((yield* Effect.flip(held(yield* Clock.currentTimeMillis, 0)))._tag).toBe(
        "CredentialsUnavailable",
      );
    }),
);

it.effect("a source that hangs or throws is asked again", () =>
  Effect.gen(function* () {
    let asked = 0;
    const held = yield* hold(
      Effect.suspend((): Effect.Effect<{ readonly serial: number } & Expiring> => {
        asked++;
        if (asked === 1) return Effect.never;
        return asked === 2
          ? Effect.die(new TypeError("of a library"))
          : Effect.succeed({ serial: asked });
      }),
    );
    yield* settle;
    for (let i = 0; i < 20; i++) yield* TestClock.adjust(SECOND);
    expect((yield* held(yield* Clock.currentTimeMillis, HOUR)).serial).toBe(3);
  }),
);

it.effect("a thousand callers share one attempt, which survives the first caller", () =>
  Effect.gen(function* () {
    const { state, obtain } = source();
    state.isDown = true;
    const held = yield* hold(obtain);
    // After failures at 0, 1 and 3 seconds it would ask by itself at 7.
    for (const _ of [0, 1, 2, 3, 4]) yield* TestClock.adjust(SECOND);
    expect(state.asked).toBe(3);
    state.isDown = false;
    state.delay = SECOND;
    const now = yield* Clock.currentTimeMillis;
    const first = yield* Effect.forkChild(held(now, MINUTE));
    yield* settle;
    yield* Fiber.interrupt(first);
    const others = yield* Effect.forkChild(
      Effect.all(
        Array.from({ length: 1000 }, () => held(now, MINUTE)),
        { concurrency: "unbounded" },
      ),
    );
    yield* TestClock.adjust(SECOND);
    const serials = (yield* Fiber.join(others)).map(({ serial }) => serial);
    expect([state.asked, new Set(serials)]).toEqual([4, new Set([4])]);
  }),
);

it.effect("a source that is down is not asked once per request", () =>
  Effect.gen(function* () {
    const { state, obtain } = source();
    state.isDown = true;
    const held = yield* hold(obtain);
    yield* settle;
    yield* Effect.forEach(Array.from({ length: 1000 }), () => Effect.flip(held(0, MINUTE)));
    expect(state.asked).toBe(1);
  }),
);

it.effect("credentials without an expiry are read again if they can change", () =>
  Effect.gen(function* () {
    let value = "first";
    const held = yield* hold(
      Effect.sync(() => ({ value, expiresAt: undefined })),
      5 * SECOND,
    );
    yield* settle;
    value = "second";
    expect((yield* held(0, HOUR)).value).toBe("first");
    yield* TestClock.adjust(5 * SECOND);
    expect((yield* held(yield* Clock.currentTimeMillis, HOUR)).value).toBe("second");
  }),
);
