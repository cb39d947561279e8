import type { RefusedHeader } from "../problem.ts";

const REQUEST_ID = { schema: { type: "string", format: "uuid" } };

/** The headers of answers. A new header of a refusal does not compile until it is here. */
const HEADERS = {
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
  Allow: { required: true, description: "The methods to use instead.", schema: {} },
  Accept: {
    description: "If the request is not JSON.",
    schema: { const: "application/json" },
  },
} satisfies { readonly [Name in RefusedHeader]: object } & Readonly<Record<string, object>>;

/** The headers of answers; `allowed` are the values of `Allow`. */
export const headerComponents = (allowed: ReadonlyArray<string>) => ({
  ...HEADERS,
  Allow: { ...HEADERS.Allow, schema: { enum: allowed } },
});

/** References to the headers of these names. */
export const headers = (names: ReadonlyArray<string>) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** The headers that every answer has. */
export const answerHeaders = ({
  isRead = true,
  isCounted,
}: {
  readonly isRead?: boolean;
  readonly isCounted: boolean;
}) => ({
  ...headers([
    "X-Request-Id",
    "Cache-Control",
    ...(isCounted ? ["RateLimit", "RateLimit-Policy"] : []),
  ]),
  ...(isRead ? {} : { "X-Request-Id": { $ref: "#/components/headers/X-Request-Id-If-Read" } }),
});
