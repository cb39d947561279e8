import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";

/** A request as the hop sees it. */
export interface Seen {
  /** `PUT` of a body to the store, `GET` of a file there, or a call such as `POST multipart/parts`. */
  readonly name: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  /** How many of this name there were with it. */
  readonly count: number;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** What happens to a request in place of being passed on, or to its answer, or to the text of that. */
export type Trouble = (
  seen: Seen,
) => Reply | "break" | "lose the answer" | "hold" | ((text: string) => string) | false | undefined;

export type Hop = Awaited<ReturnType<typeof startHop>>;

/** An HTTP proxy between a client and both the service and its store, that can do harm. */
export async function startHop(service: () => string, store: () => string) {
  const hop = {
    port: 0,
    seen: [] as Array<Seen>,
    /** The uploads in parts that a client has begun, and knows of. */
    uploads: [] as Array<string>,
    trouble: undefined as Trouble | undefined,
    /** The bytes of a second that leave it: it takes each body whole, and sends one after another. */
    rate: Infinity,
    held: [] as Array<ServerResponse>,
    /** How many requests of a name there were. */
    count: (name: RegExp) => hop.seen.filter((each) => name.test(each.name)).length,
    /** Breaks what is held, and holds nothing more. */
    release: () => {
      hop.trouble = undefined;
      for (const { socket } of hop.held.splice(0)) socket?.resetAndDestroy();
    },
    /** Makes it a good network without a past. */
    reset: () => {
      hop.release();
      Object.assign(hop, { rate: Infinity, seen: [], uploads: [] });
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  let line: Promise<unknown> = Promise.resolve();

  const pass = async (incoming: IncomingMessage, response: ServerResponse, isCall: boolean) => {
    const { method, url: path, rawHeaders: headers } = incoming;
    const { hostname, port } = new URL(isCall ? service() : store());
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const body = hop.rate < Infinity && !isCall ? await buffer(incoming) : undefined;
    if (body) {
      const wait = (body.length / hop.rate) * 1000;
      const { signal } = gone;
      await (line = line.then(() => pause(wait, undefined, { signal }).catch(() => undefined)));
      signal.throwIfAborted();
    }
    const options = { method, hostname, port, path, headers, agent: false, signal: gone.signal };
    const onward = request(options);
    // A store may answer before it has read all.
    if (body) onward.end(body);
    else pipeline(incoming, onward).catch(() => undefined);
    return (await once(onward, "response"))[0] as IncomingMessage;
  };

  const handle = async (incoming: IncomingMessage, response: ServerResponse) => {
    const { method, url = "/", headers, socket } = incoming;
    const isCall = /^\/(?:api\/|healthz)/.test(url);
    const name = [method, ...(isCall ? [/\/files\/?([^?]*)/.exec(url)?.[1]] : [])].join(" ");
    const seen = { name, url, headers, count: 1 + hop.seen.filter((e) => e.name === name).length };
    hop.seen.push(seen);
    const harm = hop.trouble?.(seen);
    if (harm === "hold") return void hop.held.push(response);
    if (harm === "break") return void socket.resetAndDestroy();
    if (typeof harm === "object") {
      await buffer(incoming);
      return void response.writeHead(harm.status, harm.headers).end(harm.body);
    }
    const answer = await pass(incoming, response, isCall);
    if (!isCall && !harm) {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      return pipeline(answer, response);
    }
    const text = `${await buffer(answer)}`;
    const begun = name === "POST multipart" && !harm && /"upload":"([^"]+)"/.exec(text)?.[1];
    if (begun) hop.uploads.push(begun);
    if (harm === "lose the answer") return void socket.resetAndDestroy();
    const { "content-length": _, ...rest } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, rest).end(harm ? harm(text) : text);
  };

  // It closes no connection but those that a fault does, however busy this thread is.
  const server = createServer({ keepAliveTimeout: 0 }, (incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  hop.port = (server.address() as AddressInfo).port;
  return hop;
}
