import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** The network of a browser, which reaches every server through it, as a SOCKS 5 proxy. */
export interface Line {
  readonly port: number;
  /** Bytes that the browser has sent, and how often all connections were cut. */
  readonly sent: () => number;
  readonly cuts: () => number;
  /** Carries so many bytes a second to the servers. */
  readonly rate: (bytes: number) => void;
  /** Cuts all connections and refuses others, until it is called with `false`. */
  readonly refuse: (isAway: boolean) => void;
  /** Lets nothing through in either direction, and ends nothing, until it is called with `false`. */
  readonly stall: (isStalled: boolean) => void;
  /** Cuts all connections. */
  readonly cut: () => void;
  /** Cuts all connections each time that so many more bytes were sent. */
  readonly cutEach: (lengths: () => number) => void;
  /** Leaves the connections that are open without a further byte, for good: others take their place. */
  readonly abandon: () => void;
  /** Answers the requests that begin from now on, as long as it gives an answer. */
  readonly answer: (reply: (head: string) => string | undefined) => void;
  /** Cuts a connection in place of an answer that has come, where it returns true. */
  readonly loseAnswers: (isLost: () => boolean) => void;
  /** Takes all that the browser sends at once, and carries it on at its rate. */
  readonly hoard: () => void;
  /** Waits for so many seconds of the line. Never resolves once it is closed. */
  readonly wait: (seconds: number) => Promise<void>;
  /** Waits until so many bytes were sent. */
  readonly past: (bytes: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Seconds between the last byte of a request and the first one of its answer. */
const ROUND_TRIP = 0.06;

const REQUEST = /^[A-Z]{3,7} \/\S* HTTP\/1\.1\r\n/;
const LENGTH = /\r\ncontent-length: (\d+)\r\n/i;

/** Starts a line whose seconds are `hasten` times as short as others. */
export async function startLine(hasten: number): Promise<Line> {
  const sockets = new Set<Socket>();
  const abandoned = new Set<Socket>();
  const over = new AbortController();
  const waiting = new Set<() => void>();
  let sent = 0;
  let cuts = 0;
  let perMillisecond = Infinity;
  let freeAt = 0;
  let isAway = false;
  let isStalled = false;
  let isHoarding = false;
  let left = Infinity;
  let lengths: (() => number) | undefined;
  let replyTo: ((head: string) => string | undefined) | undefined;
  let isLost: (() => boolean) | undefined;

  const cut = () => {
    cuts += 1;
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const wait = (seconds: number): Promise<void> =>
    pause((seconds * 1000) / hasten, undefined, { signal: over.signal }).catch(
      () => new Promise<never>(() => undefined),
    );
  /** Waits until the line has carried a chunk, after those before it. */
  const carry = async (bytes: number) => {
    const now = performance.now();
    freeAt = Math.max(now, freeAt) + bytes / perMillisecond;
    // Timers have whole milliseconds.
    if (freeAt - now > 2) await wait(((freeAt - now) * hasten) / 1000);
  };

  function join(client: Socket, upstream: Socket): void {
    const both = [client, upstream];
    const end = () => {
      for (const socket of both) {
        socket.destroy();
        sockets.delete(socket);
      }
    };
    for (const socket of both) {
      sockets.add(socket);
      socket.on("error", end);
    }
    client.on("close", end);
    // A busy browser may still be reading what the server sent before it closed.
    upstream.on("close", () => void answered.then(() => client.end()));
    /** An answer that is given once the whole body of its request has come. */
    let replying: { readonly text: string; left: number } | undefined;
    let hasAsked = false;
    let carried = Promise.resolve();
    let answered = Promise.resolve();
    client.on("data", (chunk: Buffer) => {
      sent += chunk.length;
      for (const wake of waiting) wake();
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
        left = lengths?.() ?? Infinity;
        cut();
        return;
      }
      if (!isHoarding) client.pause();
      const before = carried;
      const carryOn = async () => {
        await before;
        await carry(chunk.length);
        hasAsked = true;
        if (!upstream.destroyed && !upstream.write(chunk)) {
          await Promise.race([once(upstream, "drain"), once(upstream, "close")]).catch(end);
        }
        if (!isStalled) client.resume();
      };
      carried = carryOn();
    });
    upstream.on("data", (chunk: Buffer) => {
      const isFirst = hasAsked;
      hasAsked = false;
      if (isFirst && isLost?.()) return void client.resetAndDestroy();
      // The end of an answer follows its beginning.
      const before = answered;
      const pass = async () => {
        await before;
        if (isFirst) await wait(ROUND_TRIP);
        if (!client.destroyed) client.write(chunk);
      };
      answered = pass();
    });
    if (isStalled) for (const socket of both) socket.pause();
  }

  const server = createServer((client) => {
    client.on("error", () => undefined);
    if (isAway) return void client.resetAndDestroy();
    // RFC 1928: a greeting, answered by "no authentication", and the address, answered by success.
    client.once("data", () => {
      client.write(Buffer.from([5, 0]));
      client.once("data", (asked: Buffer) => {
        const isName = asked[3] === 3;
        const length = isName ? (asked[4] ?? 0) : 4;
        const port = asked.readUInt16BE((isName ? 5 : 4) + length);
        const upstream = connect(port, "127.0.0.1");
        client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
        join(client, upstream);
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    sent: () => sent,
    cuts: () => cuts,
    rate: (bytes) => (perMillisecond = (bytes * hasten) / 1000),
    refuse: (next) => {
      isAway = next;
      if (next) cut();
    },
    stall: (next) => {
      isStalled = next;
      for (const socket of sockets) socket[next ? "pause" : "resume"]();
    },
    cut,
    cutEach: (next) => {
      lengths = next;
      left = next();
    },
    abandon: () => {
      for (const socket of sockets) abandoned.add(socket.removeAllListeners("data").pause());
      sockets.clear();
    },
    answer: (next) => (replyTo = next),
    loseAnswers: (next) => (isLost = next),
    hoard: () => (isHoarding = true),
    wait,
    past: (bytes) =>
      new Promise((resolve) => {
        const wake = () => {
          if (sent < bytes) return;
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
        wake();
      }),
    close: async () => {
      over.abort();
      for (const socket of [...sockets, ...abandoned]) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
