import type { IncomingHttpHeaders } from "node:http";
import { buffer } from "node:stream/consumers";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Result from "effect/Result";
import { expect, it } from "vitest";
import { variables } from "../../adapters/settings/source.ts";
import * as log from "../../adapters/telemetry/log.ts";
import { layer } from "../../adapters/telemetry/otlp.ts";
import { isSent, read, SIGNALS } from "../../adapters/telemetry/otlp-settings.ts";
import { startS3 } from "../support/s3-server.ts";
import { serve } from "../support/serve.ts";
import { type ServiceProcess, startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";

type Json = ReturnType<typeof JSON.parse>;

interface Sent {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Json;
}

/** A double of a collector: it keeps what it is sent, and answers unless it hangs. */
async function startCollector({ hangs = false } = {}) {
  const sent: Array<Sent> = [];
  const { origin: endpoint } = await serve(async (incoming, outgoing) => {
    const { url: path = "", headers } = incoming;
    const body = await buffer(incoming);
    const isJson = headers["content-type"] === "application/json";
    sent.push({ path, headers, body: isJson ? JSON.parse(body.toString()) : body });
    if (!hangs) outgoing.end("{}");
  });
  return { sent, endpoint };
}

const spansOf = (sent: ReadonlyArray<Sent>): ReadonlyArray<Json> =>
  sent
    .filter(({ path }) => path.endsWith("/v1/traces"))
    .flatMap(({ body }) => body.resourceSpans[0].scopeSpans[0].spans);

const attributesOf = (attributes: ReadonlyArray<Json>) =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]),
  );

const FILE = { filename: "a.txt", content_type: "text/plain", size: 5 };

const ask = (
  { address, token }: ServiceProcess,
  action: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
) =>
  fetch(`${address}/api/v1/orgs/acme/files/${action}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = { traceparent: `00-${TRACE}-b7ad6b7169203331-01`, tracestate: "vendor=1" };
const NOT_SAMPLED = { traceparent: `00-${TRACE}-b7ad6b7169203331-00` };

it("a request is traced into the store under its proxy's span, with metrics beside it", async () => {
  const headersAtStore: Array<Headers> = [];
  const { env } = await startS3(({ headers, method }) => {
    if (method === "HEAD") headersAtStore.push(headers);
    return undefined;
  });
  const { sent, endpoint } = await startCollector();
  const secret = "Bearer a-secret-of-the-collector";
  const service = await startProcess({
    ...env,
    LOG_FORMAT: "json",
    TRUSTED_PROXIES: "127.0.0.1",
    OTEL_EXPORTER_OTLP_ENDPOINT: `${endpoint}/base`,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=${encodeURIComponent(secret)}`,
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test,service.name=uploads",
    OTEL_METRIC_EXPORT_INTERVAL: "1000",
  });
  const { put_url, put_headers, receipt } = await (await ask(service, "presign", FILE)).json();
  await fetch(put_url, { method: "PUT", headers: put_headers, body: "hello" });
  expect((await ask(service, "confirm", { receipt }, PARENT)).status).toBe(200);
  // A decision of the proxy not to trace is followed.
  await ask(service, "policies", {}, NOT_SAMPLED);
  await until("metrics", async () => sent.some(({ path }) => path === "/base/v1/metrics"));
  await service.stop();

  const spans = spansOf(sent).filter(({ traceId }) => traceId === TRACE);
  const named = (name: string) => spans.find((span) => span.name === name);
  const server = named("POST /api/v1/orgs/:slug/files/confirm");
  expect(spans).toHaveLength(3);
  expect([server.kind, server.parentSpanId]).toEqual([2, "b7ad6b7169203331"]);
  expect(attributesOf(server.attributes)).toMatchObject({
    "http.request.method": "POST",
    "http.route": "/api/v1/orgs/:slug/files/confirm",
    "http.response.status_code": 200,
    "url.path": "/api/v1/orgs/acme/files/confirm",
    "url.scheme": "http",
  });
  expect(named("confirm").parentSpanId).toBe(server.spanId);
  expect(named("store head").parentSpanId).toBe(named("confirm").spanId);
  const last = headersAtStore.at(-1);
  expect(last?.get("traceparent")).toBe(`00-${TRACE}-${named("store head").spanId}-01`);
  expect(last?.get("tracestate")).toBe("vendor=1");

  const line = service
    .output()
    .split("\n")
    .find((line) => line.includes("files/confirm"));
  expect(JSON.parse(line ?? "{}")).toMatchObject({ trace_id: TRACE, span_id: server.spanId });

  const metrics: Json = sent.findLast(({ path }) => path === "/base/v1/metrics");
  const { resource, scopeMetrics } = metrics.body.resourceMetrics[0];
  expect(attributesOf(resource.attributes)).toMatchObject({
    "service.name": "uploads",
    "deployment.environment.name": "test",
  });
  const metric = (name: string) =>
    scopeMetrics[0].metrics.find((metric: { name: string }) => metric.name === name);
  const duration = metric("http.server.request.duration");
  expect(duration).toMatchObject({ unit: "s", histogram: { aggregationTemporality: 2 } });
  const [{ count, bucketCounts, explicitBounds }] = duration.histogram.dataPoints;
  expect(bucketCounts.reduce((sum: number, n: unknown) => sum + Number(n), 0)).toBe(Number(count));
  expect(explicitBounds).toHaveLength(bucketCounts.length - 1);
  expect(metric("valetkey.uploads.confirmed").sum).toMatchObject({ isMonotonic: true });
  expect(metric("valetkey.store.clock.difference").gauge.dataPoints).toHaveLength(1);

  expect(sent.map(({ headers }) => headers.authorization)).toEqual(sent.map(() => secret));
  expect(new Set(sent.map(({ headers }) => headers["content-type"]))).toEqual(
    new Set(["application/json"]),
  );
  expect(service.output()).not.toContain("secret-of-the-collector");
});

it("traces and metrics are sent as protobuf unless JSON is asked for", async () => {
  const { sent, endpoint } = await startCollector();
  const service = await startProcess({
    TRUSTED_PROXIES: "127.0.0.1",
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  });
  await ask(service, "presign", FILE, PARENT);
  await service.stop();
  const types = sent.map(({ path, headers }) => `${path} ${headers["content-type"]}`);
  expect(new Set(types)).toEqual(
    new Set(["/v1/traces application/x-protobuf", "/v1/metrics application/x-protobuf"]),
  );
  const traces = sent.filter(({ path }) => path === "/v1/traces").map(({ body }) => body);
  expect(Buffer.concat(traces).includes(Buffer.from(TRACE, "hex"))).toBe(true);
});

it("who is no trusted proxy decides neither what is traced nor under which id", async () => {
  const { sent, endpoint } = await startCollector();
  const service = await startProcess({
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  });
  // Neither their ids nor their decision count, and nothing breaks.
  const long = `00-${"0af7651916cd43dd".repeat(900)}-b7ad6b7169203331-01`;
  for (const headers of [PARENT, NOT_SAMPLED, { traceparent: long }, { tracestate: long }]) {
    expect((await ask(service, "presign", FILE, headers)).status).toBe(200);
  }
  await service.stop();
  const spans = spansOf(sent).filter(({ kind }) => kind === 2);
  const presigns = spans.filter(({ name }) => name.endsWith("/presign"));
  expect(presigns).toHaveLength(4);
  expect(presigns.filter((span) => span.traceId === TRACE || span.parentSpanId)).toEqual([]);
});

it("nothing is sent where that is disabled", () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };
  for (const [disabled, isOn] of [
    ["false", true],
    ["true", false],
  ] as const) {
    const settings = Result.getOrThrow(read(variables({ ...env, OTEL_SDK_DISABLED: disabled })));
    expect(SIGNALS.map((signal) => isSent(signal, settings))).toEqual([isOn, isOn]);
  }
});

it("a collector that hangs or is away holds up neither requests nor the end", async () => {
  const { sent, endpoint } = await startCollector({ hangs: true });
  for (const collector of [endpoint, "http://127.0.0.1:2"]) {
    const service = await startProcess({
      LOG_FORMAT: "json",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector,
      OTEL_METRIC_EXPORT_INTERVAL: "1000",
    });
    if (collector === endpoint) await until("a call that hangs", async () => sent.length > 0);
    else {
      await until("a warning", async () =>
        service.output().includes(`telemetry cannot be sent to ${collector}`),
      );
    }
    for (let count = 0; count < 50; count++) {
      expect((await ask(service, "presign", FILE)).status).toBe(200);
    }
    expect(await service.stop()).toBe(0);
  }
});

it("what waits for a collector that hangs is bounded", async () => {
  const { sent, endpoint } = await startCollector({ hangs: true });
  const settings = Result.getOrThrow(read(variables({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })));
  const traces = layer({ ...settings, metrics: "none" }, "1.0.0").pipe(
    Layer.provideMerge(log.layer({ level: "none", format: "json" })),
  );
  const trace = Effect.withSpan(Effect.void, "a span");
  // A thousand spans are sent at a time.
  const program = Effect.gen(function* () {
    yield* Effect.repeat(trace, { times: 4_000 });
    yield* Effect.promise(() => until("four calls", async () => sent.length === 4));
    yield* Effect.repeat(trace, { times: 20_000 });
    // Whatever was sent before this has arrived with it.
    void fetch(`${endpoint}/last`, { method: "POST" }).catch(() => undefined);
    yield* Effect.promise(() =>
      until("the last call", async () => sent.some(({ path }) => path === "/last")),
    );
  });
  const start = performance.now();
  await Effect.runPromise(Effect.scoped(Effect.provide(program, traces)));
  // A call is given up after ten seconds, which a busy machine may take for this.
  const most = 4 * (1 + Math.floor((performance.now() - start) / 10_000));
  const calls = sent.filter(({ path }) => path === "/v1/traces").length;
  expect(calls).toBeGreaterThanOrEqual(4);
  expect(calls).toBeLessThanOrEqual(most);
});
