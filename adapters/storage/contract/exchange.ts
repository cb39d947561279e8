import { AsyncLocalStorage } from "node:async_hooks";
import type { StorageKey } from "../../../domain/storage-key.ts";
import { refusalIn } from "../rest/refusal-reason.ts";
import { keyIn, versionIn } from "./scratch.ts";

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
    readonly headers: Readonly<Record<string, string>>;
  };
}

/** Receives each exchange, as it may be shown, with facts for the examination alone. */
export type Listener = (
  exchange: Exchange,
  facts: {
    /** The server's name for itself. */
    readonly server: string | undefined;
    /** The object that was asked for, and the version of it that the answer names. */
    readonly key: StorageKey | undefined;
    readonly version: string | undefined;
  },
) => void;

const listeners = new AsyncLocalStorage<Listener>();

/** Runs something, and reports each exchange with a store that it makes. */
export const withExchanges = <A>(listener: Listener, run: () => Promise<A>): Promise<A> =>
  listeners.run(listener, run);

/** Reports an exchange as it was sent and received, if anyone listens. */
export function reportExchange(
  sent: {
    readonly method: string;
    /** With its query. */
    readonly path: string;
    readonly headers: Readonly<Record<string, string | number>>;
  },
  received: {
    readonly status: number;
    readonly headers: Readonly<Record<string, unknown>>;
    readonly body: Buffer;
  },
): void {
  const listener = listeners.getStore();
  if (listener === undefined) return;
  const { status, headers, body } = received;
  const code = status < 300 ? undefined : refusalIn({ status, text: body.toString() }).code;
  const server = headers["server"];
  listener(
    {
      method: sent.method,
      path: printable(sent.path),
      headers: only(SENT, sent.headers),
      answer: { status, ...(code && { code }), headers: only(RECEIVED, headers) },
    },
    {
      server: typeof server === "string" ? printable(server) : undefined,
      key: keyIn(sent.path),
      version: versionIn(headers),
    },
  );
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
