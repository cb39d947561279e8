export const only = (text: string) => ({ type: "string", const: text });

const REQUEST_ID = { schema: { type: "string", format: "uuid" } };

const limitsHeader = (values: string) => ({
  type: "string",
  pattern: `^"(?:subject|organization)";${values}(?:, "organization";${values})?$`,
});

/** The headers of answers; `allowed` has the values of `Allow`. */
export const headerComponents = (allowed: ReadonlyArray<string>) => ({
  "X-Request-Id": { ...REQUEST_ID, required: true, description: "Names this request in the log." },
  "X-Request-Id-If-Read": {
    ...REQUEST_ID,
    description: "Names this request in the log. Missing if the request could not be read.",
  },
  "Cache-Control": {
    required: true,
    description: "The answer must not be stored.",
    schema: only("no-store"),
  },
  RateLimit: {
    description:
      "How many requests each limit still allows, and in how many seconds the whole limit is available again (draft-ietf-httpapi-ratelimit-headers). Missing if there are no limits.",
    schema: limitsHeader("r=[0-9]+;t=[0-9]+"),
    example: '"subject";r=119;t=1, "organization";r=1199;t=1',
  },
  "RateLimit-Policy": {
    description: "How many requests each limit allows, and in a window of how many seconds.",
    schema: limitsHeader("q=[0-9]+;w=[0-9]+"),
    example: '"subject";q=120;w=60, "organization";q=1200;w=60',
  },
  "Retry-After": {
    required: true,
    description: "In how many seconds to try again.",
    schema: { type: "integer", minimum: 1 },
  },
  "WWW-Authenticate": {
    required: true,
    description: "How to authenticate.",
    schema: only('Bearer realm="valetkey"'),
  },
  Allow: {
    required: true,
    description: "The methods to use instead.",
    schema: { type: "string", enum: allowed },
  },
  Accept: {
    description: "Set if the request is not JSON.",
    schema: only("application/json"),
  },
});

const NO_NAMES: ReadonlyArray<string> = [];

/**
 * Returns references to the headers of an answer: those of every answer, those of the limits if the
 * request counts for them, and `more`. A request that could not be read may have no id.
 */
export function answerHeaders({ isCounted = false, isRead = true, more = NO_NAMES }) {
  const limits = isCounted ? ["RateLimit", "RateLimit-Policy"] : [];
  const names = ["X-Request-Id", "Cache-Control", ...limits, ...more];
  return Object.fromEntries(
    names.map((name) => {
      const component = name === "X-Request-Id" && !isRead ? "X-Request-Id-If-Read" : name;
      return [name, { $ref: `#/components/headers/${component}` }];
    }),
  );
}
