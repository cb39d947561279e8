import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingHttpHeaders } from "node:http";
import type { StoreUnavailable } from "../../domain/errors.ts";
import { refusalIn } from "../storage/rest/refusal-reason.ts";

/** One request to a store and its answer, without anything by which another could be made. */
export interface Exchange {
  readonly method: string;
  /** The path with its query; values that are part of the signature, or unknown, are left out. */
  readonly path: string;
  /** The headers that a promise may depend on. */
  readonly headers: Readonly<Record<string, string>>;
  readonly answer: {
    readonly status: number;
    /** The store's own code of a refusal. */
    readonly code?: string;
    readonly headers: Exchange["headers"];
  };
}

export interface RawAnswer {
  readonly status: number;
  /** True if the status is a success; stores use several. */
  readonly ok: boolean;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface SentRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body?: Uint8Array | string | undefined;
}

/** Receives each request before it is sent, since it may have an effect and no answer, and then both. */
export type Listener = (sent: SentRequest, answer?: RawAnswer) => void;

/** The store was waited for in vain. */
export class NoAnswer extends Error {}

const listeners = new AsyncLocalStorage<{
  readonly onExchange: Listener;
  readonly onUnavailable?: ((failure: StoreUnavailable) => void) | undefined;
}>();

/** Reports each exchange with a store that `run` makes, and each refusal since it is unavailable. */
export const withExchanges = <A>(
  onExchange: Listener,
  run: () => Promise<A>,
  onUnavailable?: (failure: StoreUnavailable) => void,
): Promise<A> => listeners.run({ onExchange, onUnavailable }, run);

/** Reports a request that is about to be sent to the listener, if there is one. */
export const sending = (sent: SentRequest): void => listeners.getStore()?.onExchange(sent);

/** Reports that a use case failed since the store is unavailable. */
export const unavailable = (failure: StoreUnavailable): void =>
  listeners.getStore()?.onUnavailable?.(failure);

/** Completes an answer, and reports the exchange to the listener, if there is one. */
export function answered(sent: SentRequest, received: Omit<RawAnswer, "ok">): RawAnswer {
  const answer = { ...received, ok: received.status >= 200 && received.status < 300 };
  listeners.getStore()?.onExchange(sent, answer);
  return answer;
}

/** An exchange as it may be shown. */
export function shown({ method, path, headers }: SentRequest, answer: RawAnswer): Exchange {
  const { ok, status, body } = answer;
  const { code } = ok ? {} : refusalIn({ status, text: body.toString() });
  return {
    method,
    path: printable(path),
    headers: only(SENT, headers),
    answer: { status, ...(code && { code }), headers: only(RECEIVED, answer.headers) },
  };
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

const SENT =
  /^(?:host|range|transfer-encoding|cache-control|if-[a-z-]+|content-[a-z0-9-]+|x-(?:amz|goog)-(?:acl|checksum-[a-z0-9]+|content-[a-z-]+|custom-time|grant-[a-z-]+|hash|if-[a-z-]+|sdk-[a-z-]+|tagging))$/i;

const RECEIVED = /^(?:cache-control|content-(?:disposition|encoding|length|range|type))$/;

const only = (names: RegExp, headers: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      names.test(name) && value !== undefined ? [[name, String(value)]] : [],
    ),
  );
