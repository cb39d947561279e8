/** An answer before the headers that every answer of the service gets. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: BodyInit | null;
  /** The code of the refusal, for the log. */
  readonly code?: string;
  /** True if the audit already has it, as another action. */
  readonly isAudited?: boolean;
}

export const JSON_HEADERS = {
  "Content-Type": "application/json",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
};

export const json = (body: unknown, status = 200, headers: Answer["headers"] = JSON_HEADERS) => ({
  status,
  headers,
  body: JSON.stringify(body),
});

export const NO_CONTENT: Answer = {
  status: 204,
  headers: { "Cache-Control": "no-store" },
  body: null,
};

/**
 * Returns headers of an answer that a browser may cache for `maxAge` seconds and for the same
 * caller, identified by a token or, behind a proxy, a cookie. Shared caches may not keep it.
 */
export const keptByBrowser = (maxAge: number) => ({
  "Cache-Control": maxAge === 0 ? "no-store" : `private, max-age=${maxAge}`,
  Vary: "Authorization, Cookie",
});

export const redirect = (url: string, headers: Answer["headers"]): Answer => ({
  status: 302,
  headers: {
    Location: url,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    ...headers,
  },
  body: null,
});

/**
 * Returns true if a request asks for JSON in place of a redirect. A client that also takes anything
 * else, such as axios, has not asked for it.
 */
export const asksForJson = (headers: Headers | undefined): boolean => {
  const accept = headers?.get("accept") ?? "";
  return accept.includes("application/json") && !accept.includes("*/*");
};

const PIECE = 64 * 1024;

/**
 * Answers with bytes that are in memory once. The server gets them piece by piece as the client
 * reads; otherwise the runtime would copy all of them for each answer.
 */
export function held(
  bytes: Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
): Answer {
  let position = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        controller.enqueue(bytes.subarray(position, position + PIECE));
        position += PIECE;
        if (position >= bytes.length) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return {
    status: 200,
    headers: {
      "Content-Length": String(bytes.length),
      "X-Content-Type-Options": "nosniff",
      ...headers,
    },
    body,
  };
}
