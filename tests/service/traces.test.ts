import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Result from "effect/Result";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import type { IncomingHttpHeaders, RequestListener } from "node:http";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { variables } from "../../adapters/settings/source.ts";
import { layer } from "../../adapters/telemetry/traces/otlp.ts";
import { read } from "../../adapters/telemetry/traces/settings.ts";
import { endSpan } from "../../adapters/values/spans.ts";
import { SECRET } from "../events/backend.ts";
import { answerOf } from "../support/ask.ts";
import { startClamd } from "../support/clamd.ts";
import { type ArrivedSpan, startCollector } from "../support/collector/collector.ts";
import { namesIn, waterfall } from "../support/collector/waterfall.ts";
import { startFaultyServer } from "../support/faulty-server.ts";
import { startIssuer } from "../support/issuer.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { receiptKey } from "../support/receipt-key.ts";
import { startRedis } from "../support/redis.ts";
import { serve } from "../support/serve.ts";
import { startProcess } from "../support/service-process.ts";
import { until } from "../support/until.ts";

const [collectorPath = "", minio, redisPath = "", clamdPath = ""] = [
  await need("collector"),
  await need("minio"),
  await need("redis"),
  await need("clamd"),
];

const PICTURE = new URL("../../docs/images/trace.svg", import.meta.url);

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";
const traceParent = (flags: string) => ({ traceparent: `00-${TRACE}-${CALLER}-${flags}` });

const CLIENT = 3;
const SERVER = 2;

/** One in a million, and those whose caller is traced. */
const RARELY = {
  OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
  OTEL_TRACES_SAMPLER_ARG: "0.000001",
};

/** A server that keeps the headers of what it was asked, and answers each with the same. */
async function listener(answer: object) {
  const asked: Array<IncomingHttpHeaders> = [];
  const { origin } = await serve(async (request, response) => {
    asked.push(request.headers);
    await buffer(request);
    response.setHeader("Content-Type", "application/json").end(JSON.stringify(answer));
  });
  return { asked, origin };
}

/** Starts a service that calls all that a service can call. */
async function start(env: Readonly<Record<string, string>> = {}) {
  const collector = await startCollector(collectorPath);
  const issuer = await startIssuer();
  const redis = await startRedis({ path: redisPath });
  const clamd = await startClamd(clamdPath);
  const store = await startFaultyServer(new URL(minio?.endpoint ?? ""));
  const atStore: Array<IncomingHttpHeaders> = [];
  store.state.fault = async (response, { headers }, pass) => {
    atStore.push(headers);
    const answer = await pass();
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    answer.pipe(response);
    await once(response, "finish");
  };
  const directory = await listener({ id: "org_1" });
  const receiver = await listener({});
  const service = await startProcess({
    ...minioEnv(minio),
    ...redis.env,
    STORAGE_ENDPOINT: store.url.origin,
    STORAGE_POLICIES: JSON.stringify({
      files: { arrival: "incoming", write_once: true, scan: "clamd" },
    }),
    CLAMD_ADDRESS: clamd.address,
    AUTH: "jwt",
    JWT_ISSUER: issuer.url,
    JWT_AUDIENCE: "valetkey",
    JWT_JWKS_URL: issuer.jwksUrl,
    ORGANIZATIONS_URL: `${directory.origin}/organizations`,
    EVENTS_URL: `${receiver.origin}/hook-of-valetkey`,
    EVENTS_SECRETS: SECRET,
    EVENTS_ALLOW_PRIVATE: "on",
    LIMIT_REQUESTS_PER_SUBJECT: "1000 per minute",
    RECEIPT_KEYS: `test:${receiptKey("test").toString("base64")}`,
    LOG_FORMAT: "json",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20of-the-collector",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=tests",
    ...env,
  });
  const token = await issuer.sign({ aud: "valetkey", organizations: "acme" });
  const ask = async (what: string, body: object, headers: object = {}) => {
    const answer = await fetch(`${service.address}/api/v1/orgs/acme/files/${what}`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${token}`,
        "Content-Type": "application/json",
        ...headers,
      },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(200);
    return answer.json();
  };
  const content = "a text that nobody else has";
  const upload = async (headers: object = {}) => {
    const file = {
      filename: "secret-name.txt",
      content_type: "text/plain",
      size: content.length,
    };
    const granted = await ask("presign", file, headers);
    const { put_url, put_headers: putHeaders, receipt } = granted;
    await fetch(put_url, { method: "PUT", headers: putHeaders, body: content });
    await ask("confirm", { receipt }, headers);
    await until("the event", () => receiver.asked.length > 0);
    return { ...granted, token };
  };
  return { service, collector, upload, ask, atStore, directory, receiver };
}

describe.skipIf(
  collectorPath === "" || minio === undefined || redisPath === "" || clamdPath === "",
)("a service with a collector", () => {
  it("a request and each call that it makes are spans of the caller's trace", async () => {
    const { service, collector, upload, atStore, directory, receiver } = await start();
    const granted = await upload(traceParent("01"));
    await service.stop();
    const { spans } = collector;
    // The issuer's keys were fetched before anybody asked.
    const others = spans.filter(({ traceId }) => traceId !== TRACE);
    expect(others.map(({ name, kind }) => [name, kind])).toEqual([["GET", CLIENT]]);
    const servers = spans.filter(({ kind }) => kind === SERVER);
    expect(servers.map(({ name }) => name)).toEqual([
      "POST /api/v1/orgs/:slug/files/presign",
      "POST /api/v1/orgs/:slug/files/confirm",
    ]);
    const [presign, confirm] = servers as [ArrivedSpan, ArrivedSpan];
    for (const span of servers) {
      expect(span.parentSpanId).toBe(CALLER);
      expect(span.attributes).toMatchObject({
        "http.request.method": "POST",
        "http.response.status_code": "200",
        "url.scheme": "http",
      });
    }
    const within = ({ spanId }: ArrivedSpan) =>
      spans.filter(({ kind, parentSpanId }) => kind === CLIENT && parentSpanId === spanId);
    const names = (parent: ArrivedSpan) => new Set(within(parent).map(({ name }) => name));
    expect(names(presign)).toEqual(new Set(["GET", "redis"]));
    expect(names(confirm)).toEqual(
      new Set([
        "redis",
        "store/head",
        "store/read",
        "clamd/INSTREAM",
        "store/copy",
        "store/remove",
        "POST",
      ]),
    );
    for (const { start, end } of spans) expect(end).toBeGreaterThanOrEqual(start);
    // Our own programs continue the trace, and a store does not even know of it.
    const header = (spanId = "") => `00-${TRACE}-${spanId}-01`;
    const delivery = within(confirm).find(({ name }) => name === "POST");
    expect(receiver.asked[0]?.["traceparent"]).toBe(header(delivery?.spanId));
    expect(within(presign).map(({ spanId }) => header(spanId))).toContain(
      directory.asked[0]?.["traceparent"],
    );
    expect(atStore.length).toBeGreaterThan(3);
    expect(atStore.filter((headers) => "traceparent" in headers || "b3" in headers)).toEqual([]);
    expect(granted.put_url + JSON.stringify(granted.put_headers)).not.toContain(TRACE);

    const said = JSON.stringify(spans.map(({ attributes, name }) => [name, attributes]));
    const { key, put_url, receipt, token } = granted;
    const secrets = [key, "secret-name", token, receipt, "?", "hook-of-valetkey", SECRET];
    secrets.push(new URL(put_url).searchParams.get("X-Amz-Signature") ?? "");
    expect(secrets.filter((secret) => said.includes(secret))).toEqual([]);

    const [resource] = collector.resources;
    expect(resource).toMatchObject({
      "service.name": "valetkey",
      "deployment.environment.name": "tests",
    });
    const lines = service.output().split("\n");
    const logged = lines.find((line) => line.includes("files/confirm"));
    expect(JSON.parse(logged ?? "{}")).toMatchObject({ trace_id: TRACE });
    expect([...collector.metrics]).toContain("valetkey_uploads_confirmed_total");

    // The picture of the page, of such a confirm.
    const shown = [confirm, ...within(confirm)];
    if (process.env["WRITE_PICTURE"]) writeFileSync(PICTURE, waterfall(shown));
    expect(new Set(namesIn(readFileSync(PICTURE, "utf8")))).toEqual(
      new Set(shown.map(({ name }) => name)),
    );
  });

  it.each([
    ["a caller that is not traced", "00", {}, 0],
    ["a caller that is traced, where nobody else is", "01", RARELY, 2],
    ["a sampler that asks no caller", "01", { OTEL_TRACES_SAMPLER: "always_off" }, 0],
  ] as const)("%s decides what is sent", async (_, flags, env, sent) => {
    const { service, collector, upload, ask, directory, receiver } = await start(env);
    if (env === RARELY) await ask("presign", { ...FILE, size: 1 });
    await upload(traceParent(flags));
    await service.stop();
    const traced = collector.spans.filter(({ kind }) => kind === SERVER);
    expect(traced.map(({ traceId }) => traceId)).toEqual(Array(sent).fill(TRACE));
    // What comes next in the chain is told the same.
    const told = [directory.asked.at(-1), receiver.asked.at(-1)];
    const decision = sent > 0 ? "01" : "00";
    expect(told.map((headers) => headers?.["traceparent"]?.slice(-2))).toContain(decision);
  });
});

const FILE = { filename: "a.txt", content_type: "text/plain" };

/** Answers of something that is no collector. */
const FAULTS: Readonly<Record<string, RequestListener>> = {
  hangs: () => undefined,
  "answers without an end": (_, response) =>
    void pipeline(Readable.from(endless()), response).catch(() => undefined),
  "answers nonsense": (_, response) => response.socket?.end("nonsense\r\n\r\n"),
  refuses: (_, response) => response.writeHead(429, { "Retry-After": "86400" }).end(),
  "leads elsewhere": (_, response) => response.writeHead(307, { Location: elsewhere }).end(),
};
let elsewhere = "";

async function* endless() {
  for (;;) {
    await setImmediate();
    yield Buffer.alloc(65_536);
  }
}

it.each(Object.entries(FAULTS))("a collector that %s harms no request", async (fault, handler) => {
  const stolen = await listener({});
  elsewhere = stolen.origin;
  const { origin } = await serve(handler);
  const service = await startProcess({
    OTEL_EXPORTER_OTLP_ENDPOINT: origin,
    OTEL_EXPORTER_OTLP_HEADERS: "x-key=of-the-collector",
    OTEL_EXPORTER_OTLP_TIMEOUT: "1",
  });
  await until("the notice", () =>
    service.output().includes("OTEL_EXPORTER_OTLP_TIMEOUT: not used"),
  );
  for (let round = 0; round < 50; round++) {
    expect((await answerOf(service, "presign", { ...FILE, size: 5 })).status).toBe(200);
  }
  expect((await fetch(`${service.address}/metrics`)).status).toBe(404);
  // An endless answer is an answer.
  const isTaken = fault === "answers without an end";
  const said = () => service.output().includes(`traces and metrics cannot be sent to ${origin}`);
  if (!isTaken) await until("the warning", said);
  expect(await service.stop()).toBe(0);
  expect([said(), stolen.asked]).toEqual([!isTaken, []]);
});

it("at most 5,000 spans are kept for a collector that does not answer", async () => {
  let calls = 0;
  const endpoint = await serve(() => void calls++);
  const kept: Array<WeakRef<object>> = [];
  const settings = Result.getOrThrow(read(variables({ OTEL_METRICS_EXPORTER: "none" })));
  const span = Effect.flatMap(Effect.makeSpan("a span"), (made) => {
    kept.push(new WeakRef(made));
    return endSpan(made, Exit.void);
  });
  const program = Effect.gen(function* () {
    for (let batch = 0; batch < 20; batch++) {
      yield* Effect.repeat(span, { times: 999 });
      yield* Effect.promise(() => setImmediate());
    }
    yield* Effect.promise(() => until("the calls", () => calls > 0));
    setFlagsFromString("--expose-gc");
    yield* Effect.promise(async () => {
      await setImmediate();
      runInNewContext("gc")();
    });
    return kept.filter((each) => each.deref() !== undefined).length;
  });
  const alive = await Effect.runPromise(
    program.pipe(Effect.provide(layer(settings, endpoint, "1")), Effect.scoped),
  );
  expect([kept.length, calls]).toEqual([20_000, 4]);
  expect(alive).toBeLessThanOrEqual(5000);
});
