import * as ConfigProvider from "effect/ConfigProvider";
import * as Effect from "effect/Effect";
import type * as Fiber from "effect/Fiber";
import * as FetchHttpClient from "effect/http/FetchHttpClient";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as OtlpExporter from "effect/observability/OtlpExporter";
import * as OtlpLogger from "effect/observability/OtlpLogger";
import * as OtlpMetrics from "effect/observability/OtlpMetrics";
import * as OtlpSerialization from "effect/observability/OtlpSerialization";
import * as OtlpTracer from "effect/observability/OtlpTracer";
import * as Redacted from "effect/Redacted";
import { CurrentLogAnnotations } from "effect/References";
import { cachedFor } from "../../application/cached.ts";
import { type MetricName, METRICS } from "../metrics.ts";
import { fetchFailure } from "../thrown.ts";
import { splitMessage } from "./log.ts";
import type { OtlpSettings } from "./otlp-settings.ts";

const TIMEOUT = 10_000;

/** Most calls of one signal at a time; a batch has at most 1,000 spans or lines. */
const MOST_CALLS = 4;

/**
 * Sends metrics, traces and logs to a collector. A signal that cannot be sent is dropped for a
 * minute. Where it falls short of OpenTelemetry's own SDK: docs/decisions/telemetry.md.
 */
export function layer(
  { metrics, traces, logs, ...settings }: OtlpSettings,
  version: string,
): Layer.Layer<never> {
  const { serviceName, attributes = {}, headers } = settings;
  const common = {
    resource: {
      serviceName: serviceName ?? attributes["service.name"] ?? "valetkey",
      serviceVersion: version,
      attributes: { "service.instance.id": crypto.randomUUID(), ...attributes },
    },
    headers: headers && Redacted.value(headers),
  };
  const to = ({ href: url }: URL) => ({ ...common, url });
  const { layerJson, layerProtobuf } = OtlpSerialization;
  const encoding = settings.protocol === "http/json" ? layerJson : layerProtobuf;
  const { interval: exportInterval } = settings;
  return Layer.mergeAll(
    metrics ? sentTo(metrics, OtlpMetrics.layer({ ...to(metrics), exportInterval })) : Layer.empty,
    traces ? sentTo(traces, OtlpTracer.layer(to(traces))) : Layer.empty,
    logs
      ? sentTo(logs, Logger.layer([loggerTo(to(logs))], { mergeWithExisting: true })).pipe(
          Layer.provide(OtlpExporter.layerFlusher),
        )
      : Layer.empty,
  ).pipe(
    Layer.provide(withUnits.pipe(Layer.provide(encoding))),
    // Else it would read the variables itself, and end where one cannot be read.
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} }))),
  );
}

const sentTo = <A, R>({ origin }: URL, exporter: Layer.Layer<A, never, R>) =>
  exporter.pipe(Layer.provide(FetchHttpClient.layer), Layer.provide(boundedFetch(origin)));

/**
 * Bounds the time of a call with its answer, which is not read, and how many run: what they hold
 * stays in memory. Secrets in headers go nowhere else.
 */
const boundedFetch = (collector: string) =>
  Layer.effect(
    FetchHttpClient.Fetch,
    Effect.gen(function* () {
      const log = Effect.runForkWith(yield* Effect.context());
      let calls = 0;
      let problem = "";
      const warn = yield* cachedFor(
        Effect.suspend(() =>
          Effect.logWarning(`telemetry cannot be sent to ${collector} and is dropped: ${problem}`),
        ),
        "1 minute",
      );
      const report = (reason: string) => {
        problem = reason;
        log(warn);
      };
      return async (input: string | URL | Request, init: RequestInit = {}) => {
        calls++;
        try {
          if (calls > MOST_CALLS) throw new Error("the collector is too slow");
          const signals = [init.signal ?? [], AbortSignal.timeout(TIMEOUT)].flat();
          const signal = AbortSignal.any(signals);
          const { status, headers, body } = await fetch(input, {
            ...init,
            redirect: "error",
            signal,
          });
          await body?.cancel();
          if (status >= 300) report(`it answered ${status}`);
          return new Response(null, { status, headers });
        } catch (cause) {
          report(fetchFailure(cause));
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
      for (const { scopeMetrics } of data.resourceMetrics) {
        for (const metric of scopeMetrics.flatMap(({ metrics }) => metrics)) {
          metric.unit = METRICS[metric.name as MetricName].unit;
        }
      }
      return serialization.metrics(data);
    },
  })),
);

/** Facts of a line become attributes, and its trace is named as in the line. */
const loggerTo = (options: Parameters<typeof OtlpLogger.make>[0]) =>
  Effect.map(OtlpLogger.make({ ...options, excludeLogSpans: true }), (logger) =>
    Logger.make<unknown, void>(({ message, fiber, ...entry }) => {
      const { text, facts } = splitMessage(message);
      const { trace_id: traceId, span_id: spanId, ...attributes } = facts;
      const span = typeof traceId === "string" ? { traceId, spanId } : fiber.cache.span;
      // The parts of a fiber that it looks at.
      const speaker = {
        id: fiber.id,
        cache: { span },
        getRef: (ref: unknown) => (ref === CurrentLogAnnotations ? attributes : []),
      } as unknown as Fiber.Fiber<unknown, unknown>;
      logger.log({ ...entry, message: text, fiber: speaker });
    }),
  );
