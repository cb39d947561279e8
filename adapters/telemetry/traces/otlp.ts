import * as ConfigProvider from "effect/ConfigProvider";
import * as Effect from "effect/Effect";
import * as FetchHttpClient from "effect/http/FetchHttpClient";
import * as Layer from "effect/Layer";
import * as OtlpExporter from "effect/observability/OtlpExporter";
import * as OtlpMetrics from "effect/observability/OtlpMetrics";
import * as OtlpSerialization from "effect/observability/OtlpSerialization";
import * as OtlpTracer from "effect/observability/OtlpTracer";
import * as Option from "effect/Option";
import * as Redacted from "effect/Redacted";
import * as Tracer from "effect/Tracer";
import { cachedFor } from "../../../application/resilience/cached.ts";
import { fetchFailure } from "../../values/thrown.ts";
import type { TraceSettings } from "./settings.ts";

/** Most calls to the collector at a time; each holds at most 1,000 spans. */
const MOST_CALLS = 4;
const TIMEOUT = 10_000;

/** Sends spans and metrics to a collector; after a failure they are dropped for a minute. */
export function layer(settings: TraceSettings, endpoint: URL, version: string): Layer.Layer<never> {
  const to = (signal: string) => ({
    url: `${endpoint.href.replace(/\/$/, "")}/v1/${signal}`,
    resource: {
      serviceName: settings.serviceName,
      serviceVersion: version,
      attributes: {
        "service.instance.id": crypto.randomUUID(),
        ...Object.fromEntries(settings.attributes ?? []),
      },
    },
    headers: settings.headers && Object.fromEntries(Redacted.value(settings.headers)),
  });
  const tracer = Effect.map(OtlpTracer.make(to("traces")), (exporting) => ({
    ...exporting,
    span: (options: SpanOptions) =>
      exporting.span({ ...options, sampled: isSampled(settings, options) }),
  }));
  return Layer.mergeAll(
    Layer.effect(Tracer.Tracer, tracer),
    settings.metrics === "otlp" ? OtlpMetrics.layer(to("metrics")) : Layer.empty,
  ).pipe(
    Layer.provide([OtlpExporter.layerFlusher, FetchHttpClient.layer]),
    Layer.provide([OtlpSerialization.layerProtobuf, boundedFetch(endpoint)]),
    // Without it, the exporter reads the variables itself, and ends where one cannot be read.
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} }))),
  );
}

type SpanOptions = Parameters<Tracer.Tracer["span"]>[0];

/** Decides for a request; all that belongs to it follows. OpenTelemetry, "Sampling". */
function isSampled({ sampler, ratio }: TraceSettings, { parent }: SpanOptions): boolean {
  const caller = Option.getOrUndefined(parent);
  const isObeyed = caller?._tag === "Span" || sampler.startsWith("parentbased");
  if (caller !== undefined && isObeyed) return caller.sampled;
  if (!sampler.endsWith("ratio")) return sampler.endsWith("on");
  const share = caller ? Number.parseInt(caller.traceId.slice(-14), 16) / 2 ** 56 : Math.random();
  return share < ratio;
}

/**
 * Bounds the time of a call, and how many run, since they hold what they send. The answer is not
 * read, and headers, which may be secret, follow no redirect.
 */
const boundedFetch = ({ origin }: URL) =>
  Layer.effect(
    FetchHttpClient.Fetch,
    Effect.gen(function* () {
      const log = Effect.runForkWith(yield* Effect.context());
      let calls = 0;
      let problem = "";
      const warning = Effect.suspend(() =>
        Effect.logWarning(`traces and metrics cannot be sent to ${origin}: ${problem}`),
      );
      const warn = yield* cachedFor(warning, "1 minute");
      return async (input: string | URL | Request, init: RequestInit = {}) => {
        try {
          if (++calls > MOST_CALLS) throw new Error("it is too slow");
          const signal = AbortSignal.any([init.signal ?? [], AbortSignal.timeout(TIMEOUT)].flat());
          const answer = await fetch(input, { ...init, redirect: "error", signal });
          await answer.body?.cancel();
          if (!answer.ok) throw new Error(`it answered ${answer.status}`);
          return new Response();
        } catch (cause) {
          problem = fetchFailure(cause);
          log(warn);
          // Not repeated: the exporter drops what it has, and pauses for a minute.
          return new Response(null, { status: 400 });
        } finally {
          calls--;
        }
      };
    }),
  );
