import type { RefusedHeader } from "../problem.ts";

const REQUEST_ID = { schema: { type: "string", format: "uuid" } };

/** What a client may read off the headers of answers; a new one does not compile without. */
const HEADERS = {
  "X-Request-Id": {
    ...REQUEST_ID,
    required: true,
    description: "Names this request in the log.",
  },
  "X-Request-Id-Of-Read": {
    ...REQUEST_ID,
    description: "Names this request in the log; missing where it could not be read.",
  },
  "Cache-Control": {
    required: true,
    description: "Nobody may keep the answer.",
    schema: { const: "no-store" },
  },
  RateLimit: {
    description:
      "What is left of each limit, and in how many seconds all of it is there again (draft-ietf-httpapi-ratelimit-headers); missing where nothing is limited.",
    schema: {
      type: "string",
      pattern:
        '^"(?:subject|organization)";r=[0-9]+;t=[0-9]+(?:, "organization";r=[0-9]+;t=[0-9]+)?$',
    },
    example: '"subject";r=119;t=1, "organization";r=1199;t=1',
  },
  "RateLimit-Policy": {
    description: "The limits: requests, and the seconds of their window.",
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
    description: "How to say who calls.",
    schema: { const: 'Bearer realm="valetkey"' },
  },
  Allow: { required: true, description: "What to use instead.", schema: {} },
  Accept: {
    description: "Where the request is not JSON.",
    schema: { const: "application/json" },
  },
} satisfies { readonly [Name in RefusedHeader]: object } & Readonly<Record<string, object>>;

/** The headers of answers, where `allowed` are the values of `Allow`. */
export const headerComponents = (allowed: ReadonlyArray<string>) => ({
  ...HEADERS,
  Allow: { ...HEADERS.Allow, schema: { enum: allowed } },
});

/** The headers of these names, as references to what is said of them. */
export const headers = (names: ReadonlyArray<string>) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** What every answer comes with. */
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
  ...(isRead ? {} : { "X-Request-Id": { $ref: "#/components/headers/X-Request-Id-Of-Read" } }),
});
