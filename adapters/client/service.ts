import {
  attempt,
  check,
  type Decode,
  decodeProblem,
  type Problem,
  text,
  type UploadPolicy,
} from "./decode.ts";
import { UploadError, type UploadErrorCode } from "./errors.ts";
import { noteAnswer, strange, unanswered } from "./reach.ts";
import { isBusy, movedAt, persist, retryAfter, transient } from "./retry.ts";
import { awake, inTime, type Run, unlessAborted } from "./run.ts";
import { textOf } from "./send.ts";

/** The longest time for an answer, in milliseconds: some stores copy parts to put them together. */
const TIMEOUT = 120_000;

/** A value, or a function that returns it before each request. */
export type ValueOrProvider<A> = A | (() => A | Promise<A>);

/** The service, and the caller. */
export interface ServiceOptions {
  /** The address of the service, such as `https://uploads.example.com`; it may have a path. */
  readonly endpoint: string;
  /** The organization, by the name that it has in addresses. */
  readonly organization: string;
  /**
   * Sent as `Authorization: Bearer …`, to the service only. A function is called again, with `true`,
   * once the service has refused its token.
   */
  readonly token?: string | ((wasRefused: boolean) => string | Promise<string>) | undefined;
  /** Sent with each request to the service, and never to the store. */
  readonly headers?: ValueOrProvider<Readonly<Record<string, string>>> | undefined;
  /** Calls the service in place of `fetch`. It is not used for the store. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
}

/** Returns the usual type of files with such a name, for browsers that do not know it. */
export const typeByName = (name: string, policy: UploadPolicy | undefined): string | undefined =>
  // An extension has a dot, or one letter where there is none: no inherited member has such a name.
  policy?.extensions[name.slice(name.lastIndexOf(".")).toLowerCase()];

export type Service = ReturnType<typeof makeService>;

/** Makes the API of one organization. Throws a `TypeError` if an option cannot be used. */
export function makeService(options: ServiceOptions) {
  const { endpoint, organization, token } = options;
  const isAddress = /^(?:https?:|[./]|$)/i.test(endpoint);
  check(isAddress, `endpoint must be a URL or a path, not "${endpoint}".`);
  check(organization, `organization must be a name, not "${organization}".`);
  // A server may load the module that makes the client of a page, and has no page.
  const url = attempt(() => new URL(endpoint || "/", globalThis.location?.href));
  const address = `${url}`.replace(/\/$/, "");
  const files = `${address}/api/v1/orgs/${encodeURIComponent(organization)}/files/`;

  /** Returns an option, or calls its function, which may need the network too. */
  async function provide(
    outer: AbortSignal,
    name: "token" | "headers",
    wasRefused = false,
  ): Promise<unknown> {
    const provided = options[name];
    if (typeof provided !== "function") return provided;
    try {
      return await inTime(outer, TIMEOUT, (signal) =>
        unlessAborted(signal, Promise.resolve(provided(wasRefused))),
      );
    } catch (cause) {
      const isLost = LOST.test(`${cause}`);
      const message = `The function ${name} failed: ${cause}. Check the address that it asks.`;
      const error = new UploadError(isLost ? "offline" : "unauthenticated", message, { cause });
      throw isLost ? transient("network", error) : error;
    }
  }

  async function authorize(signal: AbortSignal, wasRefused: boolean) {
    const value = await provide(signal, "token", wasRefused);
    if (value === undefined) return undefined;
    if (attempt(() => text(value)) === value) return { Authorization: `Bearer ${value}` };
    const message =
      "token is not text on one line. Check what its address answers to who is not signed in.";
    throw new UploadError("unauthenticated", message);
  }
  // Requests that are refused at the same time share one new token.
  let renewing: ReturnType<typeof authorize> | undefined;
  const renew = (signal: AbortSignal) =>
    (renewing ??= authorize(signal, true).finally(() => (renewing = undefined)));

  const call = (outer: AbortSignal, url: string, init: RequestInit) =>
    inTime(outer, TIMEOUT, async (signal) => {
      const response = await (options.fetch ?? fetch)(url, { ...init, signal });
      return { response, text: await textOf(response) };
    }).catch(() => {
      throw unanswered(address);
    });

  const service = {
    address,
    files,
    /** Returns an answer as it is used, or throws what it refuses; `after` is in milliseconds. */
    read: <A>(run: Run, path: string, decode: Decode<A>, { status, after, body }: Answer): A => {
      // 202: the file has arrived, and is not ready.
      if (status < 200 || status > 299 || status === 202) {
        throw refusalFrom(run, address, { status, after, body });
      }
      try {
        return decode(body);
      } catch (cause) {
        const [place] = (files + path).split("?");
        const message = `The answer of ${place} has no valid ${cause}. Check that endpoint is the address of the service, and update this client.`;
        const error = new UploadError("invalid-answer", message, { status });
        throw body === undefined ? strange(address, error) : error;
      }
    },
    /** Calls `path` below `files` once, by POST if there is a body, else by GET. */
    send: async <A>(
      run: Run,
      signal: AbortSignal,
      path: string,
      decode: Decode<A>,
      body?: object,
      method?: "DELETE",
    ): Promise<A> => {
      check(url, "endpoint must be a URL outside of a page.");
      const send = async (authorization: object | undefined) =>
        call(signal, files + path, {
          method: method ?? (body ? "POST" : "GET"),
          // Without a body: a removal is sent even if the page is left. Bodies have a limit then.
          keepalive: !body && !!method,
          // Made here, so that invalid headers are not taken for a service that does not answer.
          headers: new Headers({
            Accept: "application/json",
            ...authorization,
            ...(body && { "Content-Type": "application/json" }),
            ...((await provide(signal, "headers")) as object),
          }),
          ...(body && { body: JSON.stringify(body) }),
          // A redirect could send the headers elsewhere.
          redirect: "manual",
        });
      let { response, text } = await send(await authorize(signal, false));
      if (response.status === 401 && typeof token === "function") {
        ({ response, text } = await send(await renew(signal)));
      }
      const answer: unknown = attempt(() => JSON.parse(text));
      if (answer !== undefined) noteAnswer(address);
      const { status, headers } = response;
      const after = retryAfter(headers.get("retry-after"), headers.get("date"));
      return service.read(run, path, decode, { status, after, body: answer });
    },
    /** As `send`, until it is answered. */
    ask: <A>(run: Run, path: string, decode: Decode<A>, body?: object, method?: "DELETE") =>
      persist(run, (signal) => service.send(run, signal, path, decode, body, method)).catch(
        (cause?: Partial<UploadError>): never => {
          // An upload may end long before the URLs that `Retry-After` is about. The caller waits
          // for it, where it holds nothing that the other needs.
          throw cause?.problem?.code === TOO_MANY ? transient("busy", cause as UploadError) : cause;
        },
      ),
  };
  return service;
}

interface Answer {
  readonly status: number;
  readonly after: number | undefined;
  /** Undefined if it was no JSON. */
  readonly body: unknown;
}

function refusalFrom(run: Run, service: string, { status, after, body: answer }: Answer) {
  // Other members are kept: they depend on the code.
  const problem: Problem & { readonly state?: unknown } =
    attempt(() => ({ ...(answer as object), ...decodeProblem(answer) })) ?? {};
  const { code, title, detail } = problem;
  // An answer without a code comes from something else at the service's address. The place of a
  // file in a batch means nothing to a person.
  const message = code
    ? `${title}. ${detail?.replace(/^\/files\/\d+\/\w+: /, "") ?? ""}`.trim()
    : `The service answered ${status || "with a redirect"}. Check that endpoint is the address of the service.`;
  const isWrongContent = CONTENT.test(JSON.stringify(answer));
  const known = isWrongContent ? "wrong-content" : (CODES.get(code) ?? CODES.get(status));
  // A proxy that requires a login, or refuses the body's size, answers these without a code.
  const isPlain = status === 401 || status === 413;
  const kind = ((code || isPlain) && known) || "service-failed";
  const retryIn = after && Math.ceil(after / 1000);
  const error = new UploadError(kind, message, { problem, status, retryAfter: retryIn });
  if (kind === "pending") {
    const state = problem.state === "scanning" ? "scanning" : "copying";
    if (run.arrival !== state) run.progressAt = awake();
    return transient((run.arrival = state), error, after);
  }
  if (status < 400) return strange(service, error);
  if (kind === "quota") return error;
  if (code !== TOO_MANY) return isBusy(status) ? transient("busy", error, after) : error;
  // Whoever has the places makes room: while uploads here move on, it is worth waiting.
  if (movedAt > run.progressAt) run.progressAt = movedAt;
  return error;
}

const TOO_MANY = "TOO_MANY_OPEN_UPLOADS";

/** Among the `differences` of a mismatch. */
const CONTENT = /"property":"content"/;

/** Messages of browsers and Node for a request without an answer. */
const LOST = /fetch|Load f/;

const CODES = new Map<unknown, UploadErrorCode>([
  ["QUOTA_EXCEEDED", "quota"],
  ["STORAGE_FULL", "quota"],
  ["UPLOAD_MISMATCH", "mismatch"],
  ["UPLOAD_INCOMPLETE", "mismatch"],
  ["UPLOAD_REFUSED_BY_SCAN", "unsafe"],
  [202, "pending"],
  [400, "refused"],
  [401, "unauthenticated"],
  [403, "forbidden"],
  [404, "not-found"],
  [413, "refused"],
  [415, "refused"],
]);
