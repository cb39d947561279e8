import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { promisify } from "node:util";
import { freePort } from "../free-port.ts";
import { mayBuild } from "../go-tool.ts";
import { makeFolder } from "../make-folder.ts";
import { serve } from "../serve.ts";
import { startServer } from "../server-process.ts";
import type { Found } from "../setup.ts";
import { CACHE } from "../cached.ts";

const VERSION = "v0.165.0";
const MODULES = [
  "otelcol",
  "receiver/otlpreceiver",
  "exporter/otlphttpexporter",
  "service/telemetry/otelconftelemetry",
];

/** OpenTelemetry's own collector, with what it needs to pass on as JSON what it was sent. */
export async function findCollector(): Promise<Found<string>> {
  const folder = join(CACHE, `otelcol-${VERSION}`);
  const value = join(folder, "collector");
  if (existsSync(value)) return { value, source: value };
  if (!mayBuild()) return { value: undefined, source: "install Go, which builds it" };
  console.error(`Building the collector with Go, once, into ${folder} (some minutes)...`);
  mkdirSync(folder, { recursive: true });
  copyFileSync(new URL("main.go", import.meta.url), join(folder, "main.go"));
  const go = (...args: ReadonlyArray<string>) =>
    promisify(execFile)("go", args, { cwd: folder, env: { ...process.env, CGO_ENABLED: "0" } });
  if (!existsSync(join(folder, "go.mod"))) await go("mod", "init", "collector");
  await go("get", ...MODULES.map((name) => `go.opentelemetry.io/collector/${name}@${VERSION}`));
  await go("get", "go.opentelemetry.io/collector/confmap/provider/yamlprovider@v1.71.0");
  await go("build", "-o", value, ".");
  return { value, source: value };
}

/** A span as it arrived, with its attributes as an object. */
export interface ArrivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** Starts a collector until the test ends. */
export async function startCollector(path: string) {
  const spans: Array<ArrivedSpan> = [];
  const metrics = new Set<string>();
  const resources: Array<Readonly<Record<string, unknown>>> = [];
  const headers: Array<IncomingHttpHeaders> = [];
  const backend = await serve(async (request, response) => {
    const sent = (await json(request)) as Sent;
    for (const { resource, scopeSpans } of sent.resourceSpans ?? []) {
      resources.push(plain(resource.attributes));
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) spans.push(arrived(span));
    }
    const scopes = (sent.resourceMetrics ?? []).flatMap(({ scopeMetrics }) => scopeMetrics);
    for (const { name } of scopes.flatMap((scope) => scope.metrics)) metrics.add(name);
    response.setHeader("Content-Type", "application/json").end("{}");
  });
  const port = await freePort();
  const pipeline = { receivers: ["otlp"], exporters: ["otlphttp"] };
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: {
      // What it has taken has arrived.
      otlphttp: {
        endpoint: backend.origin,
        encoding: "json",
        compression: "none",
        sending_queue: { enabled: false },
      },
    },
    service: {
      telemetry: { metrics: { level: "none" } },
      pipelines: { traces: pipeline, metrics: pipeline },
    },
  };
  const endpoint = `http://127.0.0.1:${port}`;
  const server = await startServer({
    path,
    args: ["--config", `yaml:${JSON.stringify(config)}`],
    folder: makeFolder(),
    isUp: () => fetch(endpoint).then(() => true),
  });
  return { ...server, endpoint, spans, metrics, resources, headers };
}

interface Sent {
  readonly resourceSpans?: ReadonlyArray<{
    readonly resource: { readonly attributes: Attributes };
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<SentSpan> }>;
  }>;
  readonly resourceMetrics?: ReadonlyArray<{
    readonly scopeMetrics: ReadonlyArray<{
      readonly metrics: ReadonlyArray<{ readonly name: string }>;
    }>;
  }>;
}

type SentSpan = Omit<ArrivedSpan, "attributes" | "start" | "end"> & {
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: Attributes;
};

type Attributes = ReadonlyArray<{
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}>;

const arrived = ({ startTimeUnixNano, endTimeUnixNano, attributes = [], ...span }: SentSpan) => ({
  ...span,
  parentSpanId: span.parentSpanId ?? "",
  start: BigInt(startTimeUnixNano),
  end: BigInt(endTimeUnixNano),
  attributes: plain(attributes),
});

const plain = (attributes: Attributes) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
