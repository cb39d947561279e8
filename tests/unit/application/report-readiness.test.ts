import { expect, it } from "@effect/vitest";
import * as Clock from "effect/Clock";
import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as TestClock from "effect/testing/TestClock";
import { reportReadiness } from "../../../adapters/service/serve.ts";
import {
  makeReadinessCheck,
  type PartState,
  type Readiness,
  type ReadinessCheck,
} from "../../../application/store/check-readiness.ts";
import { Limiter } from "../../../application/ports/limiter.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { CredentialsUnavailable, StoreUnavailable } from "../../../domain/errors.ts";

it.effect("a part that is ready is looked at again every ten minutes, also where nobody asks", () =>
  Effect.gen(function* () {
    const looks = yield* watched([]);
    yield* TestClock.adjust("25 minutes");
    // The check keeps its answer for seconds, so that the second look costs nothing.
    expect(looks).toEqual([0, 0, 10, 20]);
  }),
);

it.effect("a part that fails is looked at again soon, until it is ready", () =>
  Effect.gen(function* () {
    const looks = yield* watched([false, false, true, true, false]);
    yield* TestClock.adjust("15 minutes");
    expect(looks).toEqual([0, 0, 10, 10, 10]);
  }),
);

it.effect(
  "a part fails since its first failure, whatever the reasons, and is ready since its end",
  () =>
    Effect.gen(function* () {
      const reasons = ["it is down", "it is late", undefined, "it is down"];
      const ensureBucket = Effect.suspend(() => {
        const reason = reasons.shift();
        return reason === undefined
          ? Effect.void
          : Effect.fail(new StoreUnavailable({ kind: "refused", reason }));
      });
      const check = yield* makeReadinessCheck("2 seconds");
      const seen: Array<unknown> = [];
      for (let minute = 0; minute < 4; minute++) {
        const { store } = yield* withStore(check, ensureBucket);
        seen.push([store.state, store.since.epochMilliseconds / 60_000]);
        yield* TestClock.adjust("1 minute");
      }
      expect(seen).toEqual([
        ["failing", 0],
        ["failing", 0],
        ["ok", 2],
        ["failing", 3],
      ]);
    }),
);

it.effect("a part that does not answer in time fails, and nobody waits for it any longer", () =>
  Effect.gen(function* () {
    const check = yield* makeReadinessCheck("2 seconds");
    const looking = yield* Effect.forkChild(withStore(check, Effect.never));
    yield* TestClock.adjust("2 seconds");
    const store = { state: "failing", reason: "there was no answer within 2 seconds" };
    expect(looking.pollUnsafe()).toMatchObject({ value: { signing: { state: "ok" }, store } });
  }),
);

it.effect(
  "a key that may not sign uploads fails, and ends the service if nothing can mend it",
  () =>
    Effect.gen(function* () {
      const check = yield* makeReadinessCheck("2 seconds");
      for (const isFinal of [false, true]) {
        const failure = new CredentialsUnavailable({ reason: "it reads", isFinal });
        const checked = withStore(check, Effect.void, Effect.fail(failure));
        const reporting = yield* Effect.forkChild(reportReadiness(checked, "a store"));
        yield* TestClock.adjust("1 minute");
        expect((yield* checked).signing).toMatchObject({ state: "failing", reason: "it reads" });
        expect(reporting.pollUnsafe()).toEqual(isFinal ? Exit.fail("it reads") : undefined);
      }
    }),
);

/** A check of a service whose store says this of its bucket. */
const withStore = (
  check: ReadinessCheck,
  ensureBucket: ObjectStore["Service"]["ensureBucket"],
  put: Effect.Effect<void, CredentialsUnavailable> = Effect.void,
) =>
  check.pipe(
    Effect.provideService(Presigner, { get: () => Effect.void, put: () => put } as never),
    Effect.provideService(ObjectStore, { ensureBucket } as never),
    Effect.provideService(Limiter, { check: Effect.void } as never),
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
