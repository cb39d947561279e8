import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingHttpHeaders } from "node:http";
import { CredentialsUnavailable, StoreUnavailable } from "../../../domain/errors.ts";
import { connectionTo } from "../../storage/rest/untrusted-fetch.ts";
import type { Untrusted } from "../../storage/untrusted.ts";

export interface RawAnswer {
  readonly status: number;
  /** True if the status is a success; stores use several. */
  readonly ok: boolean;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface SentRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body?: Uint8Array | string | undefined;
}

/** Receives each request before it is sent, since it may have an effect and no answer, and then both. */
export type Listener = (sent: SentRequest, answer?: RawAnswer) => void;

/** The store did not answer in time. */
export class NoAnswer extends Error {
  /** As Node names it, where no answer began. */
  readonly code: "ETIMEDOUT" | undefined;

  constructor(message: string, { hasBegun = false } = {}) {
    super(message);
    this.code = hasBegun ? undefined : "ETIMEDOUT";
  }
}

/** The receivers of exchanges, and how long each may take. */
export interface Listeners {
  readonly onExchange: Listener;
  /** Receives each refusal of a use case. */
  readonly onRefusal?: (refusal: unknown) => void;
  /** Longest silence of the store, in milliseconds. */
  readonly silence: number;
  /** Set if the store's owner is not trusted: then addresses and time are bounded. */
  readonly untrusted?: Untrusted | undefined;
  /** Aborted when the exchanges are no longer needed: they are cut, and none begins. */
  readonly over?: AbortSignal;
}

const listeners = new AsyncLocalStorage<Listeners>();

/** Reports each exchange with a store that `run` makes, and each refusal of a use case. */
export const withExchanges = <A>(to: Listeners, run: () => Promise<A>): Promise<A> =>
  listeners.run(to, run);

/** Returns a signal that aborts with `signal`, or once the exchanges are no longer needed. */
export function untilOver(signal?: AbortSignal): AbortSignal {
  const { over, untrusted, silence } = listeners.getStore() ?? {};
  const late = untrusted && silence && AbortSignal.timeout(LONGEST * silence);
  return AbortSignal.any([signal, over, late || undefined].filter((each) => each !== undefined));
}

/** Of an exchange, in silences. */
const LONGEST = 4;

/** Returns how to connect to the store of a URL, or throws if its owner may not lead there. */
export function connecting(url: string): ReturnType<typeof connectionTo> {
  const { untrusted } = listeners.getStore() ?? {};
  return untrusted === undefined ? {} : connectionTo(url, untrusted);
}

/** In bytes; the largest object that is read whole has 6 MiB. */
export const LARGEST_ANSWER = 64 * 2 ** 20;

/** Reads an answer, which ends at a bound. */
export async function readAnswer(answer: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Array<Buffer> = [];
  let size = 0;
  for await (const piece of answer) {
    size += piece.length;
    if (size > LARGEST_ANSWER) throw new Error(`the answer is larger than ${LARGEST_ANSWER} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Longest silence of a store that is examined; 0 in tests, which have the timeout of their runner. */
export const longestSilence = (): number => listeners.getStore()?.silence ?? 0;

/** Reports a request that is about to be sent to the listener, if there is one. */
export const sending = (sent: SentRequest): void => listeners.getStore()?.onExchange(sent);

/** Returns true if the same call may succeed, or have succeeded: nothing can be said of the store. */
export const isTemporary = (
  failure: unknown,
): failure is StoreUnavailable | CredentialsUnavailable =>
  failure instanceof CredentialsUnavailable
    ? failure.isFinal !== true
    : failure instanceof StoreUnavailable &&
      (failure.isTemporary === true || ["unreachable", "timeout"].includes(failure.kind));

/** Reports that a use case was refused. */
export const refused = (refusal: unknown): void => listeners.getStore()?.onRefusal?.(refusal);

/** The server and the path in a URL, which stay as they are written. */
export function addressIn(url: string) {
  const { protocol, hostname, port } = new URL(url);
  const isTls = protocol === "https:";
  return {
    isTls,
    // The brackets of an IPv6 address belong to the URL only.
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port) || (isTls ? 443 : 80),
    path: url.replace(/^https?:\/\/[^/]+/, ""),
  };
}

/** Completes an answer, and reports the exchange to the listener, if there is one. */
export function answered(sent: SentRequest, received: Omit<RawAnswer, "ok">): RawAnswer {
  const answer = { ...received, ok: received.status >= 200 && received.status < 300 };
  listeners.getStore()?.onExchange(sent, answer);
  return answer;
}

/**
 * A text to which a store contributed, without control characters, and without the values of
 * parameters in it that could be secret.
 */
export const printable = (text: string): string =>
  text
    .replaceAll(CONTROL, "")
    .replaceAll(PARAMETER, (whole, before: string, name: string) =>
      PUBLIC.test(name) ? whole : `${before}${name}=…`,
    );

const CONTROL = /[^\P{Cc}\n]/gu;
const PARAMETER = /([?&;])([\w-]+)=[^&;\s"'<>]+/g;

/** The parameters of a URL whose values anyone may know. */
const PUBLIC =
  /^(?:X-(?:Amz|Goog)-(?:Algorithm|Date|Expires|SignedHeaders)|partNumber|response-[a-z-]+)$/;
