import * as http from "node:http";
import * as https from "node:https";
import { isIP } from "node:net";
import { hmacSha256 } from "../values/hmac.ts";
import { isPublic } from "../values/networks.ts";
import { lookupPublic } from "../values/public-host.ts";
import type { TraceHeaders } from "../values/spans.ts";
import type { Message } from "./outbox.ts";

/** A receiver of events. */
export interface Receiver {
  readonly url: URL;
  /** Each secret signs, so that one can replace another. */
  readonly secrets: ReadonlyArray<Uint8Array>;
  /** True to send also to addresses that are not public. */
  readonly allowPrivate: boolean;
}

export interface ReceiverAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

export interface DeliveryAttempt {
  /** In milliseconds. */
  readonly now: number;
  readonly signal: AbortSignal;
  readonly trace?: TraceHeaders;
}

/** In milliseconds. */
const LONGEST_ANSWER = 20_000;

const KEPT_ALIVE = { keepAlive: true, maxSockets: 16 };
const AGENTS = { "http:": new http.Agent(KEPT_ALIVE), "https:": new https.Agent(KEPT_ALIVE) };

/**
 * Sends a message as a signed POST: Standard Webhooks 1.0.0, "Webhook Headers". A redirect is an
 * answer like any other, and is not followed.
 */
export async function send(
  { id, body }: Message,
  { url, secrets, allowPrivate }: Receiver,
  { now, signal, trace }: DeliveryAttempt,
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
      ...(allowPrivate ? {} : { lookup }),
      headers: {
        "Content-Type": "application/json",
        "Content-Length": bytes.length,
        "User-Agent": "Valetkey",
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signatures.join(" "),
        ...trace,
      },
    });
    request.on("error", reject);
    // No answer follows if the receiver switches protocols, or closes the connection.
    request.on("close", () => reject(new Error("the connection was closed without an answer")));
    request.on("upgrade", ({ statusCode = 0 }, socket) => {
      socket.destroy();
      resolve({ status: statusCode, retryAfter: undefined });
    });
    request.on("response", (response) => {
      resolve({ status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"] });
      response.on("error", () => undefined);
      response.resume();
      // A body that came with the status leaves the connection usable; a later one is not waited
      // for.
      setImmediate(() => void (response.complete || response.destroy()));
    });
    request.end(bytes);
  });
}

const notPublic = (host: string) =>
  `${host} is not an address of the public Internet; EVENTS_ALLOW_PRIVATE=on (option allowPrivate) allows it`;
const lookup = lookupPublic(notPublic);
