const REQUEST_ID = { schema: { type: "string", format: "uuid" } };

/** The headers of answers; `allowed` are the values of `Allow`. */
export const headerComponents = (allowed: ReadonlyArray<string>) => ({
  "X-Request-Id": {
    ...REQUEST_ID,
    required: true,
    description: "Names this request in the log.",
  },
  "X-Request-Id-If-Read": {
    ...REQUEST_ID,
    description: "Names this request in the log; missing if the request could not be read.",
  },
  "Cache-Control": {
    required: true,
    description: "Nobody may keep the answer.",
    schema: { const: "no-store" },
  },
  RateLimit: {
    description:
      "What is left of each limit, and in how many seconds it is full again (draft-ietf-httpapi-ratelimit-headers); missing if nothing is limited.",
    schema: {
      type: "string",
      pattern:
        '^"(?:subject|organization)";r=[0-9]+;t=[0-9]+(?:, "organization";r=[0-9]+;t=[0-9]+)?$',
    },
    example: '"subject";r=119;t=1, "organization";r=1199;t=1',
  },
  "RateLimit-Policy": {
    description: "The limits: requests, and the window in seconds.",
    schema: {
      type: "string",
      pattern:
        '^"(?:subject|organization)";q=[0-9]+;w=[0-9]+(?:, "organization";q=[0-9]+;w=[0-9]+)?$',
    },
    example: '"subject";q=120;w=60, "organization";q=1200;w=60',
  },
  "Retry-After": {
    required: true,
    description: "Seconds.",
    schema: { type: "integer", minimum: 1 },
  },
  "WWW-Authenticate": {
    required: true,
    description: "How to authenticate.",
    schema: { const: 'Bearer realm="valetkey"' },
  },
  Allow: { required: true, description: "The methods to use instead.", schema: { enum: allowed } },
  Accept: {
    description: "If the request is not JSON.",
    schema: { const: "application/json" },
  },
});

/** References to the headers that an answer has; `own` are those that only some answers have. */
export function answerHeaders({
  isCounted = false,
  isRead = true,
  own = [],
}: {
  /** Whether the request counts for the limits. */
  readonly isCounted?: boolean;
  /** Whether the request could be read, and so has an id. */
  readonly isRead?: boolean;
  readonly own?: ReadonlyArray<string>;
}) {
  const limits = isCounted ? ["RateLimit", "RateLimit-Policy"] : [];
  const names = ["X-Request-Id", "Cache-Control", ...limits, ...own];
  return Object.fromEntries(
    names.map((name) => {
      const component = name === "X-Request-Id" && !isRead ? "X-Request-Id-If-Read" : name;
      return [name, { $ref: `#/components/headers/${component}` }];
    }),
  );
}
