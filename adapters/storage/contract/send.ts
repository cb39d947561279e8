import { once } from "node:events";
import http, { type IncomingHttpHeaders } from "node:http";
import https from "node:https";
import { buffer } from "node:stream/consumers";
import { reportExchange } from "./exchange.ts";

/** An answer with its whole body. */
export interface Answer {
  readonly status: number;
  /** True if the status is a success; stores use several. */
  readonly ok: boolean;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Longest silence of a store, in milliseconds. */
const SILENCE = 10_000;

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
    // Bytes that the store has not read stay on the connection, so nothing else may use it.
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
  const { statusCode, headers: received } = answer;
  return reported({ method, path, headers: sent }, statusCode, received, await buffer(answer));
}

/** Sends a PUT as a browser does: `fetch` adds whatever headers it needs. */
export async function sendByFetch(
  url: string,
  { headers, body }: { readonly headers: Readonly<Record<string, string>>; readonly body: Blob },
): Promise<Answer> {
  const method = "PUT";
  const signal = AbortSignal.timeout(SILENCE);
  const answer = await fetch(url, { method, headers, body, signal });
  const [, path] = partsOf(url);
  const received = Object.fromEntries(answer.headers);
  const bytes = Buffer.from(await answer.arrayBuffer());
  return reported({ method, path, headers }, answer.status, received, bytes);
}

function reported(
  sent: Parameters<typeof reportExchange>[0],
  status: number,
  headers: IncomingHttpHeaders,
  body: Buffer,
): Answer {
  const answer = { status, ok: status >= 200 && status < 300, headers, body };
  reportExchange(sent, answer);
  return answer;
}

/** The origin of a URL, and the rest of it as it is written. */
function partsOf(url: string): readonly [origin: string, path: string] {
  const [, origin = "", path = "/"] = /^(https?:\/\/[^/]+)(.*)$/.exec(url) ?? [];
  return [origin, path];
}
