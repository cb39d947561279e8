import { once } from "node:events";
import { type IncomingHttpHeaders, request } from "node:http";
import { buffer } from "node:stream/consumers";

/** An answer with all of its body. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * Sends exactly the headers it is given beside `Host`, to the address in the URL, with the path
 * unchanged. `Content-Length` is that of the body unless `chunked`.
 */
export async function send(
  method: string,
  url: string,
  options: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: Uint8Array | string;
    readonly chunked?: boolean;
    /** Connects to this machine, whatever name is in the URL. */
    readonly toLoopback?: boolean;
  } = {},
): Promise<Answer> {
  const { headers = {}, body, chunked = false, toLoopback = false } = options;
  const length = body === undefined || chunked ? {} : { "Content-Length": Buffer.byteLength(body) };
  const [, origin = "", path = "/"] = /^(https?:\/\/[^/]+)(.*)$/.exec(url) ?? [];
  const { host, hostname, port } = new URL(origin);
  const outgoing = request({
    method,
    host: toLoopback ? "127.0.0.1" : hostname,
    port,
    path,
    headers: { ...(toLoopback ? { Host: host } : {}), ...length, ...headers },
  });
  if (chunked && body !== undefined) outgoing.write(body);
  outgoing.end(chunked ? undefined : body);
  const [answer] = await once(outgoing, "response");
  return { status: answer.statusCode, headers: answer.headers, body: await buffer(answer) };
}
