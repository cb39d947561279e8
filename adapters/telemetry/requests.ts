import type * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import { fromRecordUnsafe } from "effect/http/Headers";
import { w3c } from "effect/http/HttpTraceContext";
import * as Option from "effect/Option";
import { endSpan, type RequestWatch } from "../values/spans.ts";
import type { Meter } from "./meter.ts";

/** Measures each request until `end`, and traces it by the tracer of `services`, if there are any. */
export const watchRequests =
  (meter: Meter, scheme: string, services?: Context.Context<never>): RequestWatch =>
  ({ method: requestMethod, route = "", requestId, headers }) => {
    const start = performance.now();
    const method = METHODS.has(requestMethod) ? requestMethod : "_OTHER";
    meter.shift("http_server_active_requests", [method, scheme], 1);
    const trace = services && !PROBES.has(route) ? Effect.runSyncWith(services) : undefined;
    const span = trace?.(
      Effect.makeSpan(`${method} ${route}`.trim(), {
        kind: "server",
        parent: Option.getOrUndefined(
          w3c(fromRecordUnsafe({ traceparent: headers.get("traceparent") ?? "" })),
        ),
        attributes: {
          "http.request.method": method,
          "http.route": route,
          "url.scheme": scheme,
          "http.response.header.x-request-id": [requestId],
        },
      }),
    );
    const end = (status: number): void => {
      meter.shift("http_server_active_requests", [method, scheme], -1);
      const labels = [method, route, String(status), scheme] as const;
      const seconds = (performance.now() - start) / 1000;
      meter.update("http_server_request_duration_seconds", labels, seconds);
      if (span !== undefined) trace?.(endSpan(span, Exit.succeed({ status })));
    };
    return { span, end };
  };

/** Not traced, since they would be most of what is sent. */
const PROBES = new Set(["/healthz", "/readyz", "/metrics"]);

/** Methods of RFC 9110 and RFC 5789; OpenTelemetry calls others `_OTHER`. */
const METHODS = new Set("CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT TRACE".split(" "));
