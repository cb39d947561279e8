import type { Meter } from "./meter.ts";

/** Measures each request, until the returned function is called with the status. */
export const watchRequests =
  (meter: Meter, scheme: string) => (requestMethod: string, route: string | undefined) => {
    const start = performance.now();
    const method = METHODS.has(requestMethod) ? requestMethod : "_OTHER";
    meter.shift("http_server_active_requests", [method, scheme], 1);
    return (status: number): void => {
      meter.shift("http_server_active_requests", [method, scheme], -1);
      const labels = [method, route ?? "", String(status), scheme] as const;
      const seconds = (performance.now() - start) / 1000;
      meter.update("http_server_request_duration_seconds", labels, seconds);
    };
  };

/** Methods of RFC 9110 and RFC 5789; OpenTelemetry calls others `_OTHER`. */
const METHODS = new Set("CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT TRACE".split(" "));
