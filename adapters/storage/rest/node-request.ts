import * as http from "node:http";
import * as https from "node:https";
import type { LookupFunction } from "node:net";
import { Readable } from "node:stream";

/** In milliseconds; a store that copies a large object sends some bytes meanwhile. */
const LONGEST_SILENCE = 120_000;

/** What keeps connections open for the next request. */
export const makeAgents = () => {
  const kept = { keepAlive: true, maxFreeSockets: 16, timeout: LONGEST_SILENCE };
  return { "http:": new http.Agent(kept), "https:": new https.Agent(kept) };
};

export interface NodeRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer> | null;
  readonly signal: AbortSignal;
  readonly lookup?: LookupFunction;
}

/** The body is null for a `HEAD`. */
export type NodeAnswer = Pick<Response, "status" | "ok" | "headers" | "body">;

/**
 * Sends a request by Node's own client, which follows no redirect, decompresses nothing, and keeps
 * the connection also after a `HEAD`. `read` is what becomes of a header's value.
 */
export function nodeRequest(
  url: string,
  { body, ...init }: NodeRequest,
  agents: ReturnType<typeof makeAgents>,
  read = (value: string) => value,
): Promise<NodeAnswer> {
  const isHead = init.method === "HEAD";
  const isTls = url.startsWith("https:");
  const options = { ...init, agent: agents[isTls ? "https:" : "http:"] };
  const send = () =>
    new Promise<NodeAnswer>((resolve, reject) => {
      const request = (isTls ? https : http).request(url, options, (answer) => {
        const { statusCode: status = 0, headers: received } = answer;
        const headers = new Headers();
        for (const [name, value] of Object.entries(received)) headers.set(name, read(`${value}`));
        // The bytes of a request are not held for a store that has answered, and takes no more of them.
        answer.once("end", () => request.writableFinished || request.destroy());
        const facts = { status, ok: status >= 200 && status < 300, headers };
        // Then the next request has this connection.
        if (isHead) answer.once("end", () => resolve({ ...facts, body: null })).resume();
        else resolve({ ...facts, body: Readable.toWeb(answer) as Response["body"] });
      });
      // No answer follows if the store switches protocols.
      const fail = () => reject(new Error("the connection was closed without an answer"));
      request.on("error", (cause: NodeJS.ErrnoException) => {
        // The store may close an idle connection at the same moment (RFC 9112, 9.3.1). Once all
        // idle ones have failed, the next is new.
        const isStale = request.reusedSocket && ["ECONNRESET", "EPIPE"].includes(cause.code ?? "");
        if (!isHead || !isStale) return reject(cause);
        request.off("close", fail);
        send().then(resolve, reject);
      });
      request.on("timeout", () => request.destroy(new Error("the store fell silent")));
      request.on("close", fail);
      request.end(body ?? undefined);
    });
  return send();
}
