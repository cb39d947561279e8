import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import * as Tracer from "effect/Tracer";
import { vi } from "vitest";
import { OPERATIONS } from "../../adapters/http/routes.ts";
import { CONFIRMS, GRANTS } from "../../adapters/telemetry/decisions.ts";
import { countLimits, markOpen } from "../../adapters/telemetry/limiter.ts";
import { layer as otlp } from "../../adapters/telemetry/otlp.ts";
import { read } from "../../adapters/telemetry/otlp-settings.ts";
import { variables } from "../../adapters/settings/source.ts";
import { makeMeter } from "../../adapters/telemetry/meter.ts";
import { parentIn, watchRequests } from "../../adapters/telemetry/requests.ts";
import { countShed, watchStore } from "../../adapters/telemetry/store.ts";
import { inMemory } from "../../adapters/limits/memory.ts";
import { traceHeaders } from "../../adapters/telemetry/trace-headers.ts";
import { guardStore } from "../../application/store/guarded-store.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { LimitsUnavailable, StoreUnavailable } from "../../domain/errors.ts";
import * as Duration from "effect/Duration";

/** The lines of a metric, without its buckets. */
const linesOf = (meter: ReturnType<typeof makeMeter>, name: string) =>
  meter
    .format()
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`));

it("a metric has at most 200 series, and one for all others", () => {
  const meter = makeMeter();
  for (let call = 0; call < 300; call++) meter.update("valetkey.store.calls", [`${call}`, "ok"]);
  const lines = linesOf(meter, "valetkey_store_calls_total");
  expect(lines).toHaveLength(201);
  expect(lines.at(-1)).toBe('valetkey_store_calls_total{call="overflow",outcome="overflow"} 100');
});

it("a gauge that has no number now is left out", () => {
  const meter = makeMeter();
  let seconds = Infinity;
  meter.observe("valetkey.credentials.remaining", ["put"], () => seconds);
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
    ensureBucket: Effect.void,
    head: () => outcomes.shift() ?? Effect.never,
    remove: () => Effect.void,
    lifecycle: undefined,
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

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const GOOD = `00-${TRACE}-${SPAN}-01`;

it.each([
  "",
  `01-${TRACE}-${SPAN}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${"0".repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${"0".repeat(16)}-01`,
  `${GOOD}-more`,
  `${GOOD}, ${GOOD}`,
  "0".repeat(16_384),
])("the traceparent %.60s is none", (traceparent) => {
  expect(parentIn(new Headers({ traceparent }))).toBeUndefined();
});

it("a tracestate of more than 512 characters is not passed on", () => {
  for (const [tracestate, length] of [
    ["a=1", 2],
    [`a=${"1".repeat(511)}`, 1],
  ] as const) {
    const span = parentIn(new Headers({ traceparent: GOOD, tracestate }));
    const sent = Effect.runSync(
      Effect.provideService(traceHeaders, Tracer.ParentSpan, span ?? (undefined as never)),
    );
    expect(Object.keys(sent)).toHaveLength(length);
  }
});

const TRACER = Tracer.make({ span: (options) => new Tracer.NativeSpan(options) });

it.each([
  ["always_on", 1, 1, 1],
  ["always_off", 0, 0, 0],
  ["parentbased_always_on", 1, 1, 0],
  ["parentbased_always_off", 0, 1, 0],
  ["traceidratio", 0.25, 0.25, 0.25],
  ["parentbased_traceidratio", 0.25, 1, 0],
] as const)("%s traces the right share of requests", (sampler, alone, sampled, unsampled) => {
  const watch = watchRequests({
    meter: makeMeter(),
    scheme: "http",
    tracing: {
      sampler,
      ratio: 0.25,
      tracer: TRACER,
      clock: { currentTimeNanosUnsafe: () => 0n } as never,
      isTrusted: () => true,
    },
  });
  const shareOf = (flags: string | undefined) => {
    const ids = Array.from({ length: 4096 }, (_, id) => `${id.toString(16).padStart(3, "0")}`);
    const spans = ids.filter((id) => {
      // Ids that are spread evenly, of which exactly a quarter is below the ratio.
      const traceparent = `00-${TRACE.slice(0, 20)}${id}${"8".repeat(9)}-${SPAN}-${flags}`;
      const headers = new Headers(flags === undefined ? {} : { traceparent });
      const request = { method: "GET", route: "/", path: () => "/", requestId: "", address: "" };
      return watch({ ...request, headers }).span !== undefined;
    });
    return spans.length / ids.length;
  };
  expect(shareOf("01")).toBe(sampled);
  expect(shareOf("00")).toBe(unsampled);
  // Without a parent the ids are random.
  expect(shareOf(undefined)).toBeCloseTo(alone, 1);
});

it.effect("a collector that is away and then ill is sent to again, and nobody else ever is", () =>
  Effect.gen(function* () {
    const redirects: Array<RequestRedirect | undefined> = [];
    const cancel = vi.fn();
    vi.spyOn(globalThis, "fetch").mockImplementation(async (_, init) => {
      const call = redirects.push(init?.redirect);
      if (call <= 8) throw new TypeError("fetch failed");
      return new Response(new ReadableStream({ cancel }), { status: call <= 16 ? 503 : 200 });
    });
    yield* Effect.addFinalizer(() => Effect.sync(() => void vi.restoreAllMocks()));
    const said: Array<string> = [];
    const log = Logger.layer([Logger.make(({ message }) => void said.push(String(message)))]);
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };
    const settings = Result.getOrThrow(read(variables(env)));
    const metrics = otlp({ ...settings, traces: "none" }, "1.0.0");
    const sending = Effect.provide(Effect.sleep("15 minutes"), Layer.provide(metrics, log));
    const running = yield* Effect.forkChild(sending);
    for (let minutes = 0; minutes < 20; minutes++) yield* TestClock.adjust("1 minute");
    yield* Fiber.join(running);
    expect(redirects.length).toBeGreaterThan(16);
    expect(new Set(redirects)).toEqual(new Set(["error"]));
    expect(cancel).toHaveBeenCalledTimes(redirects.length - 8);
    expect(said).toEqual([expect.stringContaining("telemetry cannot be sent to http://collector")]);
  }),
);
