import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import { buffer } from "node:stream/consumers";
import { assertAccepted } from "./assertions.ts";
import { type RawAnswer, answered, isExamined, NoAnswer, sending, untilOver } from "./exchange.ts";
import { sendWritten, type Written } from "./send-written.ts";
import { CONTENT } from "./uploads.ts";

export type { RawAnswer };

/** Longest silence of a store that is examined, in milliseconds. */
const SILENCE = 30_000;

/** Keeps back the second half of a body until `end`. */
export interface Pause {
  /** Called when the first half was sent. */
  readonly onHalf: () => void;
  readonly end: Promise<unknown>;
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
    /** Further headers, as they are written. */
    readonly written?: Written | undefined;
    readonly signal?: AbortSignal;
    /** Called when the answer begins. */
    readonly onBegin?: () => void;
    readonly pause?: Pause | undefined;
  } = {},
): Promise<RawAnswer> {
  const { body, chunked = false, written, onBegin, pause } = options;
  const signal = untilOver(options.signal);
  signal.throwIfAborted();
  if (written !== undefined) {
    const { headers = {} } = options;
    const bytes = Buffer.from(body ?? "");
    const silence = isExamined() ? SILENCE : 0;
    return sendWritten(method, url, { headers, body: bytes, written, signal, silence });
  }
  const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
  const headers = chunked
    ? { ...options.headers, "Transfer-Encoding": "chunked" }
    : { ...length, ...options.headers };
  const { protocol, hostname, port } = new URL(url);
  const path = pathIn(url);
  const { request } = protocol === "https:" ? https : http;
  const sent = { method, path, headers, body };
  sending(sent);
  const outgoing = request({
    method,
    // The brackets of an IPv6 address belong to the URL only.
    host: hostname.replace(/^\[|\]$/g, ""),
    port,
    path,
    headers,
    // Bytes that the store has not read stay on the connection, so nothing else may use it.
    ...((chunked || pause) && { agent: false }),
    signal,
  });
  // A connection that is cut is reported more than once.
  outgoing.on("error", () => undefined);
  const answering = once(outgoing, "response");
  if (pause === undefined) {
    if (chunked && body !== undefined) outgoing.write(body);
    outgoing.end(chunked ? undefined : body);
  } else {
    const bytes = Buffer.from(body ?? "");
    const half = bytes.length >> 1;
    outgoing.write(bytes.subarray(0, half), pause.onHalf);
    // It may be refused before that.
    await Promise.race([pause.end, answering]);
    outgoing.end(bytes.subarray(half));
  }
  const giveUp = () =>
    outgoing.destroy(new NoAnswer(`the store said nothing for ${SILENCE / 1000} seconds`));
  if (isExamined()) outgoing.setTimeout(SILENCE, giveUp);
  const [answer] = await answering;
  onBegin?.();
  const { statusCode: status, headers: received } = answer;
  const whole = { status, headers: received, body: await buffer(answer) };
  return answered(sent, whole);
}

/** Sends a PUT as a browser does: `fetch` adds whatever headers it needs. */
export async function putByFetch(url: string, file: Blob): Promise<RawAnswer> {
  const sent = { method: "PUT", path: pathIn(url), headers: { "Content-Type": file.type } };
  sending(sent);
  const { method, headers } = sent;
  const signal = untilOver(isExamined() ? AbortSignal.timeout(SILENCE) : undefined);
  const answer = await fetch(url, { method, headers, body: file, signal });
  const body = Buffer.from(await answer.arrayBuffer());
  const received = Object.fromEntries(answer.headers);
  return answered(sent, { status: answer.status, headers: received, body });
}

/** A PUT as it is sent; of `CONTENT` by default. */
export interface Put {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly chunked?: boolean;
  readonly written?: Written | undefined;
  readonly pause?: Pause;
}

export const sendPut = ({ url, ...options }: Put): Promise<RawAnswer> =>
  send("PUT", url, { body: CONTENT, ...options });

/** Sends a PUT that has to be accepted, and returns the object's ETag. */
export async function upload(put: Put): Promise<string> {
  const answer = await sendPut(put);
  assertAccepted(answer);
  return answer.headers.etag ?? "";
}

/** Replaces a part of the URL, and checks that this changes it. */
export function withUrl(put: Put, part: string | RegExp, other: string): Put {
  const url = put.url.replace(part, other);
  assert.notEqual(url, put.url, "the change leaves the URL as it was");
  return { ...put, url };
}

export const withHeaders = (put: Put, headers: Put["headers"]): Put => ({
  ...put,
  headers: { ...put.headers, ...headers },
});

export const withoutHeader = (put: Put, name: string): Put => ({
  ...put,
  headers: without(put.headers, name),
});

/** A record without one of its members. */
export const without = <A>(members: Readonly<Record<string, A>>, left: string) =>
  Object.fromEntries(Object.entries(members).filter(([name]) => name !== left));

export const withOtherDigit = (text: string): string =>
  `${text.startsWith("0") ? "1" : "0"}${text.slice(1)}`;

/** A URL without its signature. */
export const withoutQuery = (url: string): string => url.slice(0, url.indexOf("?"));

/** The path and query of a URL as they are written. */
const pathIn = (url: string): string => url.replace(/^https?:\/\/[^/]+/, "");
