import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Metric from "effect/Metric";
import * as Result from "effect/Result";
import { type AnySpan, externalSpan, type Span } from "effect/Tracer";
import { makeMeter } from "../../../adapters/telemetry/meter.ts";
import { watchRequests } from "../../../adapters/telemetry/requests.ts";
import { variables } from "../../../adapters/settings/source.ts";
import { layer } from "../../../adapters/telemetry/traces/otlp.ts";
import { read } from "../../../adapters/telemetry/traces/settings.ts";
import { clientSpan, endSpan, httpAttributes } from "../../../adapters/values/spans.ts";
import { serve } from "../../support/serve.ts";

const settingsOf = (env: Readonly<Record<string, string>>) =>
  Result.getOrThrow(read(variables(env)));

/** Runs a program with a tracer that sends to this address. */
const traced = <A, E>(
  program: Effect.Effect<A, E>,
  env: Readonly<Record<string, string>> = {},
  endpoint = "http://127.0.0.1:9",
) =>
  Effect.runPromise(
    Effect.scoped(Effect.provide(program, layer(settingsOf(env), new URL(endpoint), "1"))),
  );

/** Ends of trace ids: just below half of all, and half. */
const [BELOW, HALF] = ["7fffffff000000", "80000000000000"] as const;
const traceOf = (end: string) => `0af7651916cd43dd84${end}`;
/** A caller of another process. */
const caller = (sampled: boolean, end: string = HALF) =>
  externalSpan({ traceId: traceOf(end), spanId: "b7ad6b7169203331", sampled });

const span = (parent?: AnySpan) => Effect.makeSpan("a span", { parent });

it.each([
  ["always_on", "nobody", undefined, true],
  ["always_on", "who is not sampled", caller(false), true],
  ["always_off", "who is sampled", caller(true), false],
  ["parentbased_always_on", "nobody", undefined, true],
  ["parentbased_always_on", "who is not sampled", caller(false), false],
  ["parentbased_always_off", "nobody", undefined, false],
  ["parentbased_always_off", "who is sampled", caller(true), true],
  ["traceidratio", "who is not sampled", caller(false, BELOW), true],
  ["traceidratio", "who is sampled", caller(true, HALF), false],
] as const)("%s decides on a request of %s", async (sampler, _, parent, isSampled) => {
  const env = { OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: "0.5" };
  const [request, call] = await traced(
    Effect.flatMap(span(parent), (request) =>
      Effect.map(span(request), (call) => [request, call] as const),
    ),
    env,
  );
  // What belongs to a request follows it, whatever the sampler says of others.
  expect([request.sampled, call.sampled]).toEqual([isSampled, isSampled]);
});

it.each([
  ["otlp", ["/base/v1/metrics", "/base/v1/traces"]],
  ["none", ["/base/v1/traces"]],
] as const)("with metrics by %s these addresses are sent to", async (exporter, paths) => {
  const asked = new Set<string>();
  const { origin } = await serve(({ url = "" }, response) => {
    asked.add(url);
    response.end();
  });
  const program = Effect.gen(function* () {
    yield* Metric.update(Metric.counter("a_counter"), 1);
    yield* endSpan(yield* Effect.makeSpan("a span"), Exit.void);
  });
  await traced(program, { OTEL_METRICS_EXPORTER: exporter }, `${origin}/base/`);
  expect([...asked].toSorted()).toEqual(paths);
});

const spanOf = (route: string, services?: Parameters<typeof watchRequests>[2]) =>
  watchRequests(
    makeMeter(),
    "http",
    services,
  )({ method: "GET", route, requestId: "a", headers: new Headers() }).span;

it("a request has a span with its route, and a probe has none", async () => {
  const named = await traced(
    Effect.map(Effect.context(), (services) =>
      ["/api/v1/a", "/healthz", "/readyz", "/metrics"].map(
        (route) => spanOf(route, services)?.name,
      ),
    ),
  );
  expect(named).toEqual(["GET /api/v1/a", undefined, undefined, undefined]);
  expect(spanOf("/api/v1/a")).toBeUndefined();
});

const typeOf = ({ attributes }: Span) => attributes.get("error.type");

it.effect("an answer from 400 is an error of who asked, and from 500 of who answered", () =>
  Effect.gen(function* () {
    for (const [kind, status, type] of [
      ["server", 404, undefined],
      ["server", 503, "503"],
      ["client", 302, undefined],
      ["client", 404, "404"],
    ] as const) {
      const span = yield* Effect.makeSpan("a span", { kind });
      yield* endSpan(span, Exit.succeed({ status }));
      expect([kind, status, typeOf(span)]).toEqual([kind, status, type]);
    }
  }),
);

it.each([
  [true, "01"],
  [false, "00"],
] as const)("a call is told of its span, and that it is sampled: %s", async (isSampled, flags) => {
  const parent = caller(isSampled);
  const call = clientSpan("POST", {}, (headers) => Effect.succeed(headers));
  const headers = await traced(Effect.withParentSpan(call, parent));
  expect(headers["traceparent"]).toMatch(
    new RegExp(`^00-${parent.traceId}-[\\da-f]{16}-${flags}$`),
  );
});

const portOf = (url: string) => httpAttributes("GET", new URL(url))["server.port"];

it("a span has the port of its address, also where that is left out", () => {
  expect(["http://a.test", "https://a.test", "http://a.test:8080"].map(portOf)).toEqual([
    80, 443, 8080,
  ]);
});
