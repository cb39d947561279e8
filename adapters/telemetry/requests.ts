import type * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Exit from "effect/Exit";
import * as Option from "effect/Option";
import * as Tracer from "effect/Tracer";
import type { BegunRequest, RequestWatch } from "./request-watch.ts";
import { TraceState } from "./trace-headers.ts";
import type { Meter } from "./meter.ts";
import type { OtlpSettings } from "./otlp-settings.ts";

/** Measures each request, and begins a span for those that are traced. */
export function watchRequests(options: {
  readonly meter: Meter;
  readonly scheme: string;
  readonly tracing: Tracing | undefined;
}): RequestWatch {
  const { meter, scheme, tracing } = options;
  return (request) => {
    const start = performance.now();
    const method = METHODS.has(request.method) ? request.method : "_OTHER";
    const span = tracing && beginSpan(tracing, request, { method, scheme });
    meter.shift("http.server.active_requests", [method, scheme], 1);
    return {
      span,
      end: (status: number): void => {
        meter.shift("http.server.active_requests", [method, scheme], -1);
        const labels = [method, request.route ?? "", String(status), scheme] as const;
        meter.update("http.server.request.duration", labels, (performance.now() - start) / 1000);
        if (span === undefined || tracing === undefined) return;
        span.attribute("http.response.status_code", status);
        if (status >= 500) span.attribute("error.type", String(status));
        const outcome = status >= 500 ? Exit.fail(`answered ${status}`) : Exit.void;
        span.end(tracing.clock.currentTimeNanosUnsafe(), outcome);
      },
    };
  };
}

/** RFC 9110 and RFC 5789; any other is `_OTHER` in OpenTelemetry. */
const METHODS = new Set("CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT TRACE".split(" "));

export interface Tracing extends Pick<OtlpSettings, "sampler" | "ratio"> {
  readonly tracer: Tracer.Tracer;
  readonly clock: Clock.Clock;
  /** Tells whether the sender may say what is traced. */
  readonly isTrusted: (address: string | undefined) => boolean;
}

function beginSpan(
  tracing: Tracing,
  { route, path, requestId, headers, address }: BegunRequest,
  { method, scheme }: { readonly method: string; readonly scheme: string },
) {
  const caller = parentIn(headers);
  const parent = caller && tracing.isTrusted(address) ? caller : undefined;
  if (!isSampled(tracing, parent)) return undefined;
  const span = tracing.tracer.span({
    name: `${method === "_OTHER" ? "HTTP" : method}${route === undefined ? "" : ` ${route}`}`,
    kind: "server",
    parent: Option.fromUndefinedOr(parent),
    root: parent === undefined,
    annotations: Context.empty(),
    links: [],
    startTime: tracing.clock.currentTimeNanosUnsafe(),
    sampled: true,
  });
  span.attribute("http.request.method", method);
  if (route !== undefined) span.attribute("http.route", route);
  span.attribute("url.path", path());
  span.attribute("url.scheme", scheme);
  span.attribute("valetkey.request_id", requestId);
  return span;
}

/**
 * A trace that began elsewhere is sampled by its id, so that services with the same ratio decide
 * alike; one that begins here has none until it is sampled.
 */
function isSampled({ sampler, ratio }: Tracing, parent: Tracer.ExternalSpan | undefined): boolean {
  if (parent !== undefined && sampler.startsWith("parentbased")) return parent.sampled;
  if (!sampler.endsWith("traceidratio")) return sampler.endsWith("always_on");
  return (
    (parent ? Number.parseInt(parent.traceId.slice(-12), 16) / 2 ** 48 : Math.random()) < ratio
  );
}

/** The caller's span in W3C Trace Context; none if it is not exactly as that has it. */
export function parentIn(headers: Headers): Tracer.ExternalSpan | undefined {
  const [, traceId, spanId, flags] = TRACE_PARENT.exec(headers.get("traceparent") ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  const state = headers.get("tracestate") ?? "";
  return Tracer.externalSpan({
    traceId,
    spanId,
    sampled: (Number.parseInt(flags, 16) & 1) === 1,
    annotations: STATE.test(state) ? Context.make(TraceState, state) : Context.empty(),
  });
}

const TRACE_PARENT = /^00-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})$/;
const STATE = /^[\x20-\x7e]{1,512}$/;
