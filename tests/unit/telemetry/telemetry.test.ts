import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { OPERATIONS } from "../../../adapters/http/app/routes.ts";
import { CONFIRMS, GRANTS } from "../../../adapters/telemetry/decisions.ts";
import { countLimits, markOpen } from "../../../adapters/telemetry/limiter.ts";
import { makeMeter } from "../../../adapters/telemetry/meter.ts";
import { countShed, watchStore } from "../../../adapters/telemetry/store.ts";
import { inMemory } from "../../../adapters/limits/memory.ts";
import { guardStore } from "../../../application/store/guarded-store.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { LimitsUnavailable, StoreUnavailable } from "../../../domain/errors.ts";
import * as Duration from "effect/Duration";

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

it("attempts of calls to a store are counted by outcome, and calls that are not made as shed", async () => {
  const meter = makeMeter();
  const outcomes = [
    Effect.succeed(Option.none()),
    Effect.fail(new StoreUnavailable({ kind: "refused", reason: "no" })),
    ...Array.from({ length: 5 }, () =>
      Effect.fail(new StoreUnavailable({ kind: "timeout", reason: "late" })),
    ),
  ];
  const raw = ObjectStore.of({
    abilities: new Set(),
    ensureBucket: Effect.void,
    head: () => outcomes.shift() ?? Effect.never,
    remove: () => Effect.void,
  });
  const store = countShed(meter, guardStore(watchStore(meter, raw)));
  for (let call = 0; call < 8; call++) {
    await Effect.runPromiseExit(store.head("orgs/acme/files/a" as never));
  }
  expect(linesOf(meter, "valetkey_store_calls_total").map((line) => line.slice(27))).toEqual([
    'call="head",outcome="absent"} 1',
    'call="head",outcome="refused"} 1',
    'call="head",outcome="timeout"} 5',
    'call="head",outcome="shed"} 1',
  ]);
  expect(meter.format()).toContain("valetkey_store_breaker_open 1");
});
