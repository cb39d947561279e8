import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Result from "effect/Result";
import { ParentSpan, type Span } from "effect/Tracer";

/** Watches every request, by its method and the pattern of its path, if any, until it ends. */
export type RequestWatch = (request: {
  readonly method: string;
  readonly route: string | undefined;
  readonly requestId: string;
  readonly headers: Headers;
}) => { readonly span: Span | undefined; readonly end: (status: number) => void };

/** Headers of W3C Trace Context for programs of the operator, which are not a store. */
export type TraceHeaders = Readonly<Record<string, string>>;

/** Traces a call to another program in the trace of what makes it; a root is a trace of its own. */
export const clientSpan = <A, E, R>(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  call: (headers: TraceHeaders) => Effect.Effect<A, E, R>,
  isRoot = false,
): Effect.Effect<A, E, R> =>
  Effect.withFiber(({ cache: { span, tracer } }) => {
    if (span === undefined && !(isRoot && tracer)) return call({});
    return Effect.flatMap(Effect.makeSpan(name, { kind: "client", attributes }), (span) => {
      const { traceId, spanId, sampled } = span;
      const headers = { traceparent: `00-${traceId}-${spanId}-${sampled ? "01" : "00"}` };
      const traced = Effect.provideService(call(headers), ParentSpan, span);
      return Effect.onExit(traced, (exit) => endSpan(span, exit));
    });
  });

/** Attributes of a call over HTTP, without the path and query, which may hold secrets. */
export const httpAttributes = (method: string, { protocol, hostname, port }: URL) => ({
  "http.request.method": method,
  "server.address": hostname,
  "server.port": Number(port || (protocol === "http:" ? 80 : 443)),
});

/** Ends a span. Only the kind of a failure is told, since its reason may name a file. */
export const endSpan = (span: Span, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Effect.clockWith(({ currentTimeNanosUnsafe }) => {
    let error: unknown;
    if (Exit.isSuccess(exit)) {
      const { status } = Object(exit.value) as { readonly status?: unknown };
      if (typeof status === "number") {
        span.attribute("http.response.status_code", status);
        if (status >= (span.kind === "server" ? 500 : 400)) error = status;
      }
    } else {
      const failure: unknown = Result.getOrUndefined(Cause.findError(exit.cause));
      const { kind, _tag = "interrupted" } = Object(failure) as Readonly<Record<string, unknown>>;
      error = kind ?? _tag;
    }
    const message = String(error);
    if (error !== undefined) span.attribute("error.type", message);
    span.end(currentTimeNanosUnsafe(), error === undefined ? Exit.void : Exit.fail({ message }));
    return Effect.void;
  });
