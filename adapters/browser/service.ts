import { type Problem, UploadError, type UploadErrorCode } from "./errors.ts";
import { unanswered } from "./reach.ts";
import { isBusy, persist, retryAfter, type Retrying, Transient } from "./retry.ts";
import type { Run } from "./run.ts";

/** How long an answer may take, in milliseconds; the last one after parts are put together. */
const TIMEOUT = 60_000;
const COMPLETION_TIMEOUT = 600_000;

/** Whoever asks for a longer wait, in milliseconds, is told to the caller instead. */
const LONGEST_WAIT = 300_000;

/** A value, or a function that is asked for it before each request. */
export type Provided<A> = A | (() => A | Promise<A>);

/** Where the service is, and as whom it is called. */
export interface ServiceOptions {
  /** The address of the service, such as `https://uploads.example.com`; it may have a path. */
  readonly endpoint: string;
  /** The organization, by the name that it has in addresses. */
  readonly organization: string;
  /** Sent as `Authorization: Bearer …`, to the service only. */
  readonly token?: Provided<string> | undefined;
  /** Sent with each request to the service, and never to the store. */
  readonly headers?: Provided<Readonly<Record<string, string>>> | undefined;
  /** Calls the service in place of `fetch`. It is not used for the store. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
}

/** What the API answers to a grant of one upload. */
export interface Grant {
  readonly put_url: string;
  readonly put_headers: Readonly<Record<string, string>>;
  readonly key: string;
  readonly receipt: string;
}

/** What the API answers once an upload is confirmed or completed. */
export interface Confirmed {
  readonly key: string;
  readonly size: number;
  readonly content_type: string;
  readonly etag: string;
  readonly final: boolean;
  readonly get_url: string;
  readonly file_url: string;
  readonly receipt?: string;
}

/** Calls of the API; each is repeated where that can help. */
export interface Service {
  readonly address: string;
  readonly ask: <A>(run: Run, request: ServiceRequest) => Promise<A>;
}

export interface ServiceRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** What follows `/files/` in the address. */
  readonly path: string;
  readonly body?: object;
  readonly onRetry?: ((retrying: Retrying) => void) | undefined;
  /** Sent to its end also where the page is being left. */
  readonly keepalive?: boolean;
}

/** The API of one organization. Throws if the endpoint is no URL. */
export function makeService(options: ServiceOptions): Service {
  // In a page it may be a path.
  const { href } = new URL(options.endpoint || "/", globalThis.location?.href);
  const address = href.endsWith("/") ? href.slice(0, -1) : href;
  const files = `${address}/api/v1/orgs/${encodeURIComponent(options.organization)}/files/`;

  async function initOf({ method, body, keepalive = false }: ServiceRequest) {
    const [token, headers] = await Promise.all([provide(options.token), provide(options.headers)]);
    return {
      method,
      keepalive,
      // Made here, so that a token that no header can carry is not taken for a silent service.
      headers: new Headers({
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        ...(body && { "Content-Type": "application/json" }),
        ...headers,
      }),
      ...(body && { body: JSON.stringify(body) }),
      // What follows a redirect could send the headers elsewhere.
      redirect: "manual",
    } as const;
  }

  async function attempt(request: ServiceRequest, outer: AbortSignal) {
    const init = await initOf(request);
    const limit = request.path.endsWith("complete") ? COMPLETION_TIMEOUT : TIMEOUT;
    const { signal, stop } = withTimeout(outer, limit);
    try {
      const response = await (options.fetch ?? fetch)(files + request.path, { ...init, signal });
      return { response, text: await response.text() };
    } catch {
      throw unanswered({ service: address, hasSent: false });
    } finally {
      stop();
    }
  }

  return {
    address,
    ask: (run, request) =>
      persist(
        run,
        async (signal) => {
          const { response, text } = await attempt(request, signal);
          const answer = parse(text);
          if (response.ok && (answer !== undefined || text === "")) return answer as never;
          throw refusalOf(response, answer);
        },
        request.onRetry,
      ),
  };
}

const provide = async <A>(provided: Provided<A> | undefined): Promise<A | undefined> =>
  typeof provided === "function" ? (provided as () => A | Promise<A>)() : provided;

/** A signal that is aborted with `outer`, or after some milliseconds. */
function withTimeout(outer: AbortSignal, milliseconds: number) {
  const inner = new AbortController();
  const abort = () => inner.abort();
  const timer = setTimeout(abort, milliseconds);
  outer.addEventListener("abort", abort);
  if (outer.aborted) abort();
  return {
    signal: inner.signal,
    stop: () => {
      clearTimeout(timer);
      outer.removeEventListener("abort", abort);
    },
  };
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What it means to a client that the service answers so. */
function refusalOf(response: Response, problem: Problem = {}): UploadError | Transient {
  const { status } = response;
  const after = retryAfter(response.headers.get("retry-after"));
  const error = new UploadError(codeOf(status, problem), messageOf(status, problem), {
    problem,
    status,
    retryAfter: after === undefined ? undefined : Math.ceil(after / 1000),
  });
  if (!isBusy(status) || error.code === "quota" || (after ?? 0) > LONGEST_WAIT) return error;
  return new Transient({
    reason: "busy",
    after,
    verdict: async (_, isLast) => (isLast ? error : undefined),
  });
}

const CODES = new Map<string | number | undefined, UploadErrorCode>([
  ["QUOTA_EXCEEDED", "quota"],
  ["UPLOAD_MISMATCH", "mismatch"],
  ["UPLOAD_INCOMPLETE", "mismatch"],
  [400, "refused"],
  [401, "unauthenticated"],
  [403, "forbidden"],
  [404, "not-found"],
  [413, "refused"],
  [415, "refused"],
]);

/** An answer without a code is not of the service, but of something at its address. */
const codeOf = (status: number, { code }: Problem): UploadErrorCode =>
  (code !== undefined && (CODES.get(code) ?? CODES.get(status))) || "service-failed";

function messageOf(status: number, { title, detail }: Problem): string {
  if (detail !== undefined) return title === undefined ? detail : `${title}. ${detail}`;
  return status === 0 || (status >= 300 && status < 400)
    ? "The service answered with a redirect. Set endpoint to the address that it leads to."
    : `The service answered ${status}, and did not say why. Check that endpoint is its address.`;
}
