import { lookup } from "node:dns";
import * as http from "node:http";
import * as https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { hmacSha256 } from "../values/hmac.ts";
import { isPublic } from "../values/networks.ts";
import type { Message } from "./outbox.ts";

/** Where events go. */
export interface Receiver {
  readonly url: URL;
  /** Each signs, so that one can be replaced by another. */
  readonly secrets: ReadonlyArray<Uint8Array>;
  /** Also to addresses that are not of the public Internet. */
  readonly allowPrivate: boolean;
}

export interface ReceiverAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

/** In milliseconds. */
const LONGEST_ANSWER = 20_000;

const KEPT_ALIVE = { keepAlive: true, maxSockets: 16 };
const AGENTS = { "http:": new http.Agent(KEPT_ALIVE), "https:": new https.Agent(KEPT_ALIVE) };

/**
 * Sends a message as a signed POST: Standard Webhooks 1.0.0, "Webhook Headers". A redirect is an
 * answer like any other, and is never followed.
 */
export async function send(
  { id, body }: Message,
  { url, secrets, allowPrivate }: Receiver,
  { now, signal }: { readonly now: number; readonly signal: AbortSignal },
): Promise<ReceiverAnswer> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (!allowPrivate && isIP(host) > 0 && !isPublic(host)) throw new Error(notPublic(host));
  const timestamp = String(Math.floor(now / 1000));
  const signed = `${id}.${timestamp}.${body}`;
  const signatures = secrets.map((secret) => `v1,${hmacSha256(secret)(signed, "base64")}`);
  const protocol = url.protocol === "http:" ? "http:" : "https:";
  const bytes = Buffer.from(body);
  return new Promise((resolve, reject) => {
    const request = (protocol === "http:" ? http : https).request(url, {
      method: "POST",
      agent: AGENTS[protocol],
      signal: AbortSignal.any([signal, AbortSignal.timeout(LONGEST_ANSWER)]),
      ...(allowPrivate ? {} : { lookup: lookupPublic }),
      headers: {
        "Content-Type": "application/json",
        "Content-Length": bytes.length,
        "User-Agent": "Valetkey",
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signatures.join(" "),
      },
    });
    request.on("error", reject);
    // It never comes to an answer if the receiver changes the protocol, or closes in between.
    request.on("close", () => reject(new Error("the connection was closed without an answer")));
    request.on("upgrade", ({ statusCode = 0 }, socket) => {
      socket.destroy();
      resolve({ status: statusCode, retryAfter: undefined });
    });
    request.on("response", (response) => {
      resolve({ status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"] });
      response.on("error", () => undefined);
      response.resume();
      // A body that came with the status leaves the connection usable; no other is waited for.
      setImmediate(() => void (response.complete || response.destroy()));
    });
    request.end(bytes);
  });
}

/** Runs for each connection, so that a name cannot point elsewhere once it was looked at. */
const lookupPublic: LookupFunction = (host, options, done) =>
  lookup(host, { ...options, all: true }, (error, found) => {
    const [first] = found ?? [];
    if (error || first === undefined) return done(error ?? new Error("not found"), []);
    if (!found.every(({ address }) => isPublic(address)))
      return done(new Error(notPublic(host)), []);
    return options.all ? done(null, found) : done(null, first.address, first.family);
  });

const notPublic = (host: string) =>
  `${host} is not an address of the public Internet; EVENTS_ALLOW_PRIVATE=on (option allowPrivate) allows it`;
