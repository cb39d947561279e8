import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** A network between a client and a server on this machine that can fail. */
export interface CuttingProxy {
  readonly port: number;
  /**
   * Cuts all connections once so many more bytes have gone to the server, and some that come after
   * it: a browser repeats a request by itself if its connection had been used before.
   */
  readonly cutAfter: (bytes: number) => void;
  /** Cuts all connections each time that so many more bytes have gone to the server. */
  readonly cutEach: (lengths: Iterable<number>) => void;
  /** How often connections were cut. */
  readonly cuts: () => number;
  /** Lets so many more PUTs through, and holds those after them: an upload stays where it is. */
  readonly holdAfter: (puts: number) => void;
  /** Cuts the connections that are held, and holds none from now on. */
  readonly release: () => void;
  /** Cuts all connections and refuses others, until it is called with `false`. */
  readonly refuse: (isAway: boolean) => void;
  /** Lets nothing through in either direction, and ends nothing, until it is called with `false`. */
  readonly stall: (isStalled: boolean) => void;
  /** Answers the requests that begin from now on, as long as it gives an answer. */
  readonly answer: (reply: (head: string) => string | undefined) => void;
  readonly close: () => Promise<void>;
}

/** How many connections are refused after a cut. */
const REFUSED = 2;

const PUT = Buffer.from("PUT ");
const REQUEST = /^[A-Z]{3,7} \/\S* HTTP\/1\.1\r\n/;
const LENGTH = /\r\ncontent-length: (\d+)\r\n/i;

/** An answer of something else on the way, after which the connection is closed. */
export const reply = (status: string, body: string, headers = ""): string =>
  `HTTP/1.1 ${status}\r\nContent-Type: text/html\r\nContent-Length: ${body.length}\r\n${headers}Connection: close\r\n\r\n${body}`;

/** Passes on what comes to a port of its own. */
export async function startCuttingProxy(target: () => number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  const held = new Set<Socket>();
  let passing = Infinity;
  let left = Infinity;
  let lengths: Iterator<number> | undefined;
  let cuts = 0;
  let refused = 0;
  let replyTo: Parameters<CuttingProxy["answer"]>[0] | undefined;
  let stalled = false;
  const cutAll = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const server = createServer((client) => {
    if (refused > 0) {
      refused -= 1;
      client.on("error", () => undefined);
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(target(), "127.0.0.1");
    const end = () => {
      for (const socket of [client, upstream]) {
        socket.destroy();
        sockets.delete(socket);
      }
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", end);
      socket.on("close", end);
    }
    /** An answer that is given once the whole body of its request has come. */
    let replying: { readonly text: string; left: number } | undefined;
    client.on("data", (chunk: Buffer) => {
      // Over HTTP/1.1 a browser begins no request before the one before it is answered.
      if (chunk.subarray(0, PUT.length).equals(PUT) && passing-- <= 0) {
        client.pause();
        held.add(client);
        return;
      }
      const [head = ""] = chunk.toString("latin1", 0, 8192).split("\r\n\r\n");
      const text = REQUEST.test(head) && !replying ? replyTo?.(head) : undefined;
      if (text !== undefined) {
        replying = { text, left: head.length + 4 + Number(LENGTH.exec(`${head}\r\n`)?.[1] ?? 0) };
      }
      if (replying !== undefined) {
        replying.left -= chunk.length;
        if (replying.left <= 0) client.end(replying.text);
        return;
      }
      left -= chunk.length;
      if (left <= 0) {
        left = lengths?.next().value ?? Infinity;
        cuts += 1;
        refused = lengths ? 0 : REFUSED;
        cutAll();
      } else if (!upstream.write(chunk)) {
        client.pause();
        const go = () => void (stalled || client.resume());
        void once(upstream, "drain").then(go, go);
      }
    });
    upstream.pipe(client);
    if (stalled) for (const socket of [client, upstream]) socket.pause();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    cutAfter: (bytes) => {
      lengths = undefined;
      left = bytes;
    },
    cutEach: (given) => {
      lengths = given[Symbol.iterator]();
      left = lengths.next().value ?? Infinity;
    },
    cuts: () => cuts,
    holdAfter: (puts) => (passing = puts),
    release: () => {
      passing = Infinity;
      for (const socket of held) socket.resetAndDestroy();
      held.clear();
    },
    refuse: (isAway) => {
      refused = isAway ? Infinity : 0;
      if (isAway) cutAll();
    },
    stall: (isStalled) => {
      stalled = isStalled;
      for (const socket of sockets) socket[isStalled ? "pause" : "resume"]();
    },
    answer: (next) => (replyTo = next),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
