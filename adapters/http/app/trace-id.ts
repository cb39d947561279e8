/** Returns the id of the caller's trace (W3C Trace Context, section 3.2), if well-formed. */
export const traceIdIn = (headers: Headers): string | undefined =>
  TRACE_PARENT.exec(headers.get("traceparent") ?? "")?.[1];

// Later versions may append members.
const TRACE_PARENT =
  /^(?!ff|00.{53}.)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-|$)/;
