import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as TestClock from "effect/testing/TestClock";
import { OPERATIONS } from "../../../adapters/http/app/routes.ts";
import { CONFIRMS, GRANTS } from "../../../adapters/telemetry/decisions.ts";
import { countLimits, markOpen } from "../../../adapters/telemetry/limiter.ts";
import { makeMeter } from "../../../adapters/telemetry/meter.ts";
import { countShed, watchStore } from "../../../adapters/telemetry/store.ts";
import { watchUsage } from "../../../adapters/telemetry/usage.ts";
import { inMemory } from "../../../adapters/limits/memory.ts";
import { guardStore } from "../../../application/store/guarded-store.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { LimitsUnavailable, StoreUnavailable } from "../../../domain/errors.ts";
import * as Duration from "effect/Duration";
import * as Metric from "effect/Metric";
import { series } from "../../../adapters/values/metrics.ts";

/** The lines of a metric, without its buckets. */
const linesOf = (meter: ReturnType<typeof makeMeter>, name: string) =>
  meter
    .format()
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`));

it("a metric has at most 200 series, and one for all others", () => {
  const meter = makeMeter();
  for (let call = 0; call < 300; call++)
    meter.update("valetkey_store_calls_total", [`${call}`, "ok"]);
  const lines = linesOf(meter, "valetkey_store_calls_total");
  expect(lines).toHaveLength(201);
  expect(lines.at(-1)).toBe('valetkey_store_calls_total{call="overflow",outcome="overflow"} 100');
});

it("a gauge that has no number now is left out", () => {
  const meter = makeMeter();
  let seconds = Infinity;
  meter.observe("valetkey_credentials_remaining_seconds", ["put"], () => seconds);
  expect(meter.format()).toBe("");
  seconds = 5;
  expect(meter.format()).toContain('valetkey_credentials_remaining_seconds{use="put"} 5');
});

it.effect("each gauge of what is stored has its own total, and none while that is not known", () =>
  Effect.gen(function* () {
    const meter = makeMeter();
    const stored = { files: 1, bytes: 2, granted: 3, open: 4 };
    const organizations = { organizations: 5, unknown: 6, nearLimit: 7 };
    let isKnown = false;
    const totals = Effect.suspend(() =>
      isKnown ? Effect.succeed({ ...stored, ...organizations }) : Effect.fail("Redis is away"),
    );
    yield* Effect.forkChild(watchUsage(meter).usageTotals(totals));
    yield* TestClock.adjust(0);
    expect(meter.format()).toBe("");
    isKnown = true;
    yield* TestClock.adjust("30 seconds");
    const lines = meter.format().split("\n");
    expect(lines.filter((line) => line.startsWith("valetkey_"))).toEqual([
      "valetkey_stored_files 1",
      "valetkey_stored_bytes 2",
      "valetkey_reserved_bytes 3",
      "valetkey_open_uploads 4",
      'valetkey_organizations_counted{state="all"} 5',
      'valetkey_organizations_counted{state="unknown"} 6',
      'valetkey_organizations_counted{state="near_limit"} 7',
    ]);
  }),
);

it("every action that is counted as a grant or a confirm is one of an operation", () => {
  const actions = Object.values(OPERATIONS).map(({ action }) => action);
  expect(actions).toEqual(expect.arrayContaining([...GRANTS, ...CONFIRMS]));
});

it("each decision of the limits has one outcome, and a decision in place of Redis says so", async () => {
  const limits = {
    requests: { subject: { count: 2, window: Duration.days(1) } },
    daily: {},
  };
  const meter = makeMeter();
  const counting = countLimits(meter, inMemory(limits));
  const decide = (limiter: typeof counting, limited: "subject" | "organization") =>
    Effect.runPromiseExit(limiter.countRequest(limited, "mia"));
  for (let count = 0; count < 3; count++) await decide(counting, "subject");
  // There is no such limit, so nothing is decided.
  await decide(counting, "organization");
  const spare = markOpen(inMemory(limits));
  const failing = {
    ...spare,
    countRequest: () => Effect.fail(new LimitsUnavailable({ reason: "away" })),
  };
  await decide(countLimits(meter, failing), "subject");
  await decide(countLimits(meter, spare), "subject");
  expect(linesOf(meter, "valetkey_limiter_decisions_total").map((line) => line.slice(33))).toEqual([
    'outcome="granted"} 2',
    'outcome="refused"} 1',
    'outcome="failed"} 1',
    'outcome="failed_open"} 1',
  ]);
});

const raw = (outcomes: Array<Effect.Effect<Option.Option<never>, StoreUnavailable>>) =>
  ObjectStore.of({
    abilities: new Set(),
    ensureBucket: Effect.void,
    head: () => Effect.suspend(() => outcomes.shift() ?? Effect.die("a call that nobody expects")),
    remove: () => Effect.void,
  });

it.effect.each([
  ["of the only store", undefined, ""],
  ["of a store with a name", { store: "eu" }, ',store="eu"'],
] as const)(
  "attempts of calls %s are counted by outcome, and calls that are not made as shed",
  ([, labels, more]) =>
    Effect.gen(function* () {
      const whole = makeMeter();
      const meter = labels === undefined ? whole : makeMeter(whole.context, labels);
      const outcomes = [
        Effect.succeed(Option.none()),
        Effect.fail(new StoreUnavailable({ kind: "refused", reason: "no" })),
        // Five calls, and the look at another object before the others are paused.
        ...Array.from({ length: 6 }, () =>
          Effect.fail(new StoreUnavailable({ kind: "timeout", reason: "late" })),
        ),
      ];
      const guard = guardStore(watchStore(meter, raw(outcomes)));
      yield* Effect.gen(function* () {
        const store = yield* countShed(meter, guard);
        for (let call = 0; call < 8; call++) {
          yield* Effect.exit(store.head("orgs/acme/files/a" as never));
        }
        expect(linesOf(whole, "valetkey_store_calls_total").map((line) => line.slice(27))).toEqual([
          `call="head",outcome="absent"${more}} 1`,
          `call="head",outcome="refused"${more}} 1`,
          `call="head",outcome="timeout"${more}} 6`,
          `call="head",outcome="shed"${more}} 1`,
        ]);
        expect(whole.format()).toContain(
          `valetkey_store_breaker_open${more && `{${more.slice(1)}}`} 1`,
        );
      }).pipe(Effect.scoped);
      // It is closed.
      expect(whole.format()).not.toContain("valetkey_store_breaker_open");
    }),
);

it.effect("what a store's own code measures has the name of the store too", () =>
  Effect.gen(function* () {
    const whole = makeMeter();
    const clocks = Metric.update(series("valetkey_store_clock_difference_seconds"), 7);
    const outcomes = [Effect.as(clocks, Option.none())];
    const store = watchStore(makeMeter(whole.context, { store: "eu" }), raw(outcomes));
    yield* Effect.provideContext(store.head("orgs/acme/files/a" as never), whole.context);
    expect(whole.format()).toContain('valetkey_store_clock_difference_seconds{store="eu"} 7');
  }),
);
