import { once } from "node:events";
import http, { type IncomingHttpHeaders } from "node:http";
import https from "node:https";
import { buffer } from "node:stream/consumers";
import { tell } from "./exchange.ts";

/** An answer with its whole body. */
export interface Answer {
  readonly status: number;
  /** Whether the status is a success; stores use several. */
  readonly ok: boolean;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * Sends exactly the given headers and `Host`, to the address in the URL, with the path unchanged.
 * `Content-Length` is that of the body unless `chunked`.
 */
export async function send(
  method: string,
  url: string,
  options: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: Uint8Array | string;
    readonly chunked?: boolean;
    /** Ends the exchange. */
    readonly signal?: AbortSignal;
    /** Called when the answer begins. */
    readonly onBegin?: () => void;
  } = {},
): Promise<Answer> {
  const { headers = {}, body, chunked = false, signal, onBegin } = options;
  const length = body === undefined || chunked ? {} : { "Content-Length": Buffer.byteLength(body) };
  const [origin, path] = partsOf(url);
  const { protocol, hostname, port } = new URL(origin);
  const { request } = protocol === "https:" ? https : http;
  const sent = chunked ? { ...headers, "Transfer-Encoding": "chunked" } : { ...length, ...headers };
  const outgoing = request({
    method,
    // The brackets of an IPv6 address belong to the URL only.
    host: hostname.replace(/^\[|\]$/g, ""),
    port,
    path,
    headers: chunked && "Content-Length" in headers ? sent : { ...length, ...headers },
    // What a store has not read stays on the connection, which nothing else may use then.
    ...(chunked ? { agent: false } : {}),
    ...(signal === undefined ? {} : { signal }),
  });
  outgoing.setTimeout(SILENCE, () =>
    outgoing.destroy(new Error(`the store said nothing for ${SILENCE / 1000} seconds`)),
  );
  // A connection that is cut is reported more than once.
  outgoing.on("error", () => undefined);
  if (chunked && body !== undefined) outgoing.write(body);
  outgoing.end(chunked ? undefined : body);
  const [answer] = await once(outgoing, "response");
  onBegin?.();
  const { statusCode: status, headers: received } = answer;
  const ok = status >= 200 && status < 300;
  const whole = { status, ok, headers: received, body: await buffer(answer) };
  tell({ method, path, headers: sent }, whole);
  return whole;
}

/** Sends a PUT as a browser does: `fetch` adds whatever headers it needs. */
export async function sendByFetch(
  url: string,
  { headers, body }: { readonly headers: Readonly<Record<string, string>>; readonly body: Blob },
): Promise<Answer> {
  const method = "PUT";
  const signal = AbortSignal.timeout(SILENCE);
  const answer = await fetch(url, { method, headers, body, signal });
  const { status, ok } = answer;
  const received = Object.fromEntries(answer.headers);
  const whole = { status, ok, headers: received, body: Buffer.from(await answer.arrayBuffer()) };
  const [, path] = partsOf(url);
  tell({ method, path, headers }, whole);
  return whole;
}

/** The origin of a URL, and the rest of it as it is written. */
function partsOf(url: string): readonly [origin: string, path: string] {
  const [, origin = "", path = "/"] = /^(https?:\/\/[^/]+)(.*)$/.exec(url) ?? [];
  return [origin, path];
}

/** How long a store may say nothing, in milliseconds. */
const SILENCE = 10_000;
