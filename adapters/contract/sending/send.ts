import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import { assertAccepted } from "./assertions.ts";
import {
  addressIn,
  answered,
  connecting,
  longestSilence,
  NoAnswer,
  readAnswer,
  sending,
  untilOver,
} from "./exchange.ts";
import type { RawAnswer, SentRequest } from "./exchange.ts";
import { exchangeWritten, type Written } from "./send-written.ts";
import { CONTENT } from "./uploads.ts";

export type { RawAnswer };

/** Keeps back the second half of a body until `end`. */
export interface Pause {
  /** Called when the first half was sent. */
  readonly onHalf: () => void;
  readonly end: Promise<unknown>;
}

export interface Options {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly chunked?: boolean;
  /** Further headers, as they are written. */
  readonly written?: Written | undefined;
  readonly signal?: AbortSignal;
  readonly pause?: Pause | undefined;
  /** Sent over a connection of its own. */
  readonly isAlone?: boolean;
}

/**
 * Sends exactly the given headers and `Host`, to the address in the URL, with the path unchanged.
 * `Content-Length` is that of the body unless `chunked`.
 */
export async function send(method: string, url: string, options: Options = {}): Promise<RawAnswer> {
  const { body, chunked = false, written } = options;
  const signal = untilOver(options.signal);
  signal.throwIfAborted();
  const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
  const headers = chunked
    ? { ...options.headers, "Transfer-Encoding": "chunked" }
    : { ...length, ...options.headers };
  const sent = { method, url, headers, body };
  sending(sent);
  return answered(
    sent,
    written === undefined
      ? await exchange(sent, signal, options)
      : await exchangeWritten(sent, written, signal),
  );
}

async function exchange(
  { method, url, headers, body }: SentRequest,
  signal: AbortSignal,
  { chunked = false, pause, isAlone = false }: Options,
): Promise<Omit<RawAnswer, "ok">> {
  const { isTls, ...address } = addressIn(url);
  const outgoing = (isTls ? https : http).request({
    method,
    ...address,
    ...connecting(url),
    headers,
    // Bytes that the store has not read stay on the connection, so nothing else may use it.
    ...((chunked || pause || isAlone) && { agent: false }),
    signal,
  });
  // A connection that is cut is reported more than once.
  outgoing.on("error", () => undefined);
  // No answer follows if the store switches protocols.
  const closing = once(outgoing, "close").then(() => Promise.reject(new Error(CUT)));
  const answering = Promise.race([once(outgoing, "response"), closing]);
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
  const silence = longestSilence();
  const within = `within ${silence / 1000} seconds`;
  const giveUp = () => outgoing.destroy(new NoAnswer(`no answer ${within}`));
  outgoing.setTimeout(silence, giveUp);
  const [answer] = await answering;
  outgoing.off("timeout", giveUp);
  outgoing.once("timeout", () =>
    answer.destroy(new NoAnswer(`the answer began, and did not end ${within}`, { hasBegun: true })),
  );
  return { status: answer.statusCode, headers: answer.headers, body: await readAnswer(answer) };
}

const CUT = "the connection was closed without an answer";

/** Sends a PUT as a browser does: `fetch` adds whatever headers it needs. */
export async function putByFetch(url: string, file: Blob): Promise<RawAnswer> {
  const sent = { method: "PUT", url, headers: { "Content-Type": file.type } };
  sending(sent);
  const { method, headers } = sent;
  const silence = longestSilence();
  const signal = untilOver(silence > 0 ? AbortSignal.timeout(silence) : undefined);
  // `fetch` takes no addresses.
  if (connecting(url).lookup) return send(method, url, { headers, body: await file.bytes() });
  const answer = await fetch(url, { method, headers, body: file, signal, redirect: "manual" });
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
