import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingHttpHeaders } from "node:http";
import type { StoreUnavailable } from "../../../domain/errors.ts";

export interface RawAnswer {
  readonly status: number;
  /** True if the status is a success; stores use several. */
  readonly ok: boolean;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface SentRequest {
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

interface Listeners {
  readonly onExchange: Listener;
  readonly onUnavailable?: (failure: StoreUnavailable) => void;
  /** Aborted when nobody waits for the exchanges any more: they are cut, and none begins. */
  readonly over?: AbortSignal;
}

const listeners = new AsyncLocalStorage<Listeners>();

/** Reports each exchange with a store that `run` makes, and each refusal since it is unavailable. */
export const withExchanges = <A>(to: Listeners, run: () => Promise<A>): Promise<A> =>
  listeners.run(to, run);

/** A signal that aborts with `own`, or once nobody waits for the exchanges any more. */
export const untilOver = (own?: AbortSignal): AbortSignal =>
  AbortSignal.any([own, listeners.getStore()?.over].filter((each) => each !== undefined));

/** True in an examination, whose calls need timeouts of their own; tests have that of their runner. */
export const isExamined = (): boolean => listeners.getStore() !== undefined;

/** Reports a request that is about to be sent to the listener, if there is one. */
export const sending = (sent: SentRequest): void => listeners.getStore()?.onExchange(sent);

/** Tells whether the same call may succeed, or have succeeded. */
export const isTemporary = ({ kind, isTemporary = false }: StoreUnavailable): boolean =>
  isTemporary || kind === "unreachable" || kind === "timeout";

/** Reports that a use case failed since the store is unavailable. */
export const unavailable = (failure: StoreUnavailable): void =>
  listeners.getStore()?.onUnavailable?.(failure);

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
