import * as http from "node:http";
import * as https from "node:https";
import type { LookupFunction } from "node:net";
import { Readable } from "node:stream";
import { lookupPublic, mayBePublic } from "../../values/public-host.ts";
import type { Untrusted } from "../untrusted.ts";

/** In milliseconds; a store that copies a large object sends some bytes meanwhile. */
const LONGEST_SILENCE = 120_000;
/** In characters; the headers of an answer have at most 16 KiB together. */
const LONGEST_HEADER = 8192;

const KEPT_ALIVE = { keepAlive: true, maxFreeSockets: 16, timeout: LONGEST_SILENCE };
// Stores that may have private addresses share no connections with others.
const AGENTS = [false, true].map(() => ({
  "http:": new http.Agent(KEPT_ALIVE),
  "https:": new https.Agent(KEPT_ALIVE),
}));

/** Returns how to connect to a store whose owner is not trusted, or throws if that is not allowed. */
export function connectionTo(
  url: string,
  { allowPrivate }: Untrusted,
): { readonly lookup?: LookupFunction } {
  if (allowPrivate) return {};
  const parsed = new URL(url);
  if (parsed.protocol !== "https:" || !mayBePublic(parsed)) throw new Error(notPublic(parsed.host));
  return { lookup };
}

const notPublic = (host: string) =>
  `${host} is not an https address of the public Internet; STORAGE_ALLOW_PRIVATE=on (option allowPrivate) allows it`;
const lookup = lookupPublic(notPublic);

/**
 * Sends a request to a store whose owner is not trusted: to a public address, as it is resolved for
 * the connection. No redirect is followed, and nothing is decompressed. Header values of the answer
 * are cut, and have only printable characters.
 */
export function untrustedFetch(
  url: string,
  untrusted: Untrusted,
  {
    body,
    ...init
  }: Pick<http.RequestOptions, "method" | "signal"> & {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string | Uint8Array | null;
  },
): Promise<Pick<Response, "status" | "ok" | "headers" | "body">> {
  const connection = connectionTo(url, untrusted);
  const isTls = url.startsWith("https:");
  const agent = AGENTS[Number(untrusted.allowPrivate)]?.[isTls ? "https:" : "http:"];
  return new Promise((resolve, reject) => {
    const options = { ...init, ...connection, agent };
    const request = (isTls ? https : http).request(url, options, (answer) => {
      const { statusCode: status = 0, headers: received } = answer;
      const headers = new Headers();
      for (const [name, value] of Object.entries(received)) headers.set(name, cleaned(`${value}`));
      // The bytes of a request are not held for a store that has answered, and takes no more of them.
      answer.once("end", () => request.writableFinished || request.destroy());
      const body = Readable.toWeb(answer) as Response["body"];
      resolve({ status, ok: status >= 200 && status < 300, headers, body });
    });
    request.on("error", reject);
    request.on("timeout", () => request.destroy(new Error("the store fell silent")));
    // No answer follows if the store switches protocols.
    request.on("close", () => reject(new Error("the connection was closed without an answer")));
    request.end(body ?? undefined);
  });
}

const cleaned = (value: string) => value.slice(0, LONGEST_HEADER).replaceAll(/[^\t -~]/g, "?");
