import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { AnySpan } from "effect/Tracer";

/** The `tracestate` that a request came with; an annotation of the span that it names. */
export const TraceState = Context.Reference<string | undefined>("valetkey/TraceState", {
  defaultValue: () => undefined,
});

const NONE: Readonly<Record<string, string>> = {};

/** Headers of W3C Trace Context for a call to another service; none outside of a traced request. */
export const traceHeaders: Effect.Effect<Readonly<Record<string, string>>> =
  Effect.withFiberSucceed(({ cache: { span } }) =>
    span === undefined ? NONE : { traceparent: parentFrom(span), ...stateFrom(span) },
  );

const parentFrom = ({ traceId, spanId, sampled }: AnySpan) =>
  `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;

function stateFrom(span: AnySpan): { readonly tracestate?: string } {
  if (span._tag === "Span")
    return Option.match(span.parent, { onNone: () => ({}), onSome: stateFrom });
  const tracestate = Context.get(span.annotations, TraceState);
  return tracestate === undefined ? {} : { tracestate };
}

/** Facts for the log that lead from a line to its trace (OpenTelemetry, "Trace Context in non-OTLP Log Formats"). */
export const traceFacts = (span: AnySpan | undefined) =>
  span && { trace_id: span.traceId, span_id: span.spanId };
