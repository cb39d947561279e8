import { once } from "node:events";
import http, { type IncomingHttpHeaders } from "node:http";
import https from "node:https";
import { buffer } from "node:stream/consumers";

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
  } = {},
): Promise<Answer> {
  const { headers = {}, body, chunked = false, signal } = options;
  const length = body === undefined || chunked ? {} : { "Content-Length": Buffer.byteLength(body) };
  const [, origin = "", path = "/"] = /^(https?:\/\/[^/]+)(.*)$/.exec(url) ?? [];
  const { protocol, hostname, port } = new URL(origin);
  const { request } = protocol === "https:" ? https : http;
  const outgoing = request({
    method,
    // The brackets of an IPv6 address belong to the URL only.
    host: hostname.replace(/^\[|\]$/g, ""),
    port,
    path,
    headers: { ...length, ...headers },
    ...(signal === undefined ? {} : { signal }),
  });
  // A connection that is cut is reported more than once.
  outgoing.on("error", () => undefined);
  if (chunked && body !== undefined) outgoing.write(body);
  outgoing.end(chunked ? undefined : body);
  const [answer] = await once(outgoing, "response");
  const { statusCode: status, headers: received } = answer;
  const ok = status >= 200 && status < 300;
  return { status, ok, headers: received, body: await buffer(answer) };
}
