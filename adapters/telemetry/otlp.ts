import * as ConfigProvider from "effect/ConfigProvider";
import * as Effect from "effect/Effect";
import * as FetchHttpClient from "effect/http/FetchHttpClient";
import * as Layer from "effect/Layer";
import * as OtlpExporter from "effect/observability/OtlpExporter";
import * as OtlpMetrics from "effect/observability/OtlpMetrics";
import * as OtlpSerialization from "effect/observability/OtlpSerialization";
import * as OtlpTracer from "effect/observability/OtlpTracer";
import * as Redacted from "effect/Redacted";
import { type MetricName, METRICS } from "./metrics.ts";
import { fetchFailure } from "../values/thrown.ts";
import { isSent, type OtlpSettings, type Signal } from "./otlp-settings.ts";

const TIMEOUT = 10_000;

/** Most calls of one signal at a time; a batch has at most 1,000 spans. */
const MOST_CALLS = 4;

/** Pause between two warnings, in milliseconds. */
const WARNING_INTERVAL = 60_000;

/**
 * Sends metrics and traces to a collector. A signal that cannot be sent is dropped for a
 * minute. Where it falls short of OpenTelemetry's own SDK: docs/decisions/telemetry.md.
 */
export function layer(settings: OtlpSettings, version: string): Layer.Layer<never> {
  const { endpoint, serviceName, attributes = {}, headers, interval: exportInterval } = settings;
  const common = {
    resource: {
      serviceName: serviceName ?? attributes["service.name"] ?? "valetkey",
      serviceVersion: version,
      attributes: { "service.instance.id": crypto.randomUUID(), ...attributes },
    },
    headers: headers && Redacted.value(headers),
  };
  const send = <A, R>(
    signal: Signal,
    exporter: (to: Parameters<typeof OtlpTracer.layer>[0]) => Layer.Layer<A, never, R>,
  ) =>
    endpoint === undefined || !isSent(signal, settings)
      ? Layer.empty
      : exporter({ ...common, url: `${endpoint.href.replace(/\/$/, "")}/v1/${signal}` }).pipe(
          Layer.provide(FetchHttpClient.layer),
          Layer.provide(boundedFetch(endpoint.origin)),
        );
  const { layerJson, layerProtobuf } = OtlpSerialization;
  const encoding = settings.protocol === "http/json" ? layerJson : layerProtobuf;
  return Layer.mergeAll(
    send("metrics", (to) => OtlpMetrics.layer({ ...to, exportInterval })),
    send("traces", OtlpTracer.layer),
  ).pipe(
    Layer.provide([OtlpExporter.layerFlusher, Layer.provide(withUnits, encoding)]),
    // Else it would read the variables itself, and end where one cannot be read.
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} }))),
  );
}

/**
 * Bounds the time of a call with its answer, which is not read, and how many run: what they hold
 * stays in memory. Secrets in headers go nowhere else.
 */
const boundedFetch = (collector: string) =>
  Layer.effect(
    FetchHttpClient.Fetch,
    Effect.map(Effect.context(), (context) => {
      const log = Effect.runForkWith(context);
      let calls = 0;
      let warnedAt = -Infinity;
      const warn = (problem: string) => {
        if (performance.now() - warnedAt < WARNING_INTERVAL) return;
        warnedAt = performance.now();
        log(
          Effect.logWarning(`telemetry cannot be sent to ${collector} and is dropped: ${problem}`),
        );
      };
      return async (input: string | URL | Request, init: RequestInit = {}) => {
        calls++;
        try {
          if (calls > MOST_CALLS) throw new Error("the collector is too slow");
          const signals = [init.signal ?? [], AbortSignal.timeout(TIMEOUT)].flat();
          const bounds = { redirect: "error", signal: AbortSignal.any(signals) } as const;
          const answer = await fetch(input, { ...init, ...bounds });
          await answer.body?.cancel();
          if (!answer.ok) warn(`it answered ${answer.status}`);
          return new Response(null, answer);
        } catch (cause) {
          warn(fetchFailure(cause));
          throw cause;
        } finally {
          calls--;
        }
      };
    }),
  );

const withUnits = Layer.effect(
  OtlpSerialization.OtlpSerialization,
  Effect.map(OtlpSerialization.OtlpSerialization, (serialization) => ({
    ...serialization,
    metrics: (data) => {
      const scopes = data.resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics);
      for (const metric of scopes.flatMap(({ metrics }) => metrics)) {
        metric.unit = METRICS[metric.name as MetricName].unit;
      }
      return serialization.metrics(data);
    },
  })),
);
