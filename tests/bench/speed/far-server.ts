import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** How far a server is. */
export interface Distance {
  /** In milliseconds; connecting takes one. */
  readonly roundTrip: number;
  /** Bytes a second to all servers of the line together. */
  readonly rate: number;
}

/** A line that several servers are behind. */
export const makeLine = () => ({ roundTrip: 0, rate: Infinity, freeAt: 0, sent: 0 });
export type Line = ReturnType<typeof makeLine>;

/** Starts what leads to a server over a line, and returns its port. */
export async function startFarServer(line: Line, port: number) {
  const sockets = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true }, async (client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const [own, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(own);
      own.setNoDelay();
      own.on("error", () => other.destroy());
      own.on("close", () => {
        sockets.delete(own);
        other.destroy();
      });
    }
    await pause(line.roundTrip);
    pass(line, client, upstream, (bytes) => {
      line.sent += bytes;
      const now = performance.now();
      line.freeAt = Math.max(now, line.freeAt) + (bytes / line.rate) * 1000;
      return line.freeAt - now;
    });
    pass(line, upstream, client, () => 0);
    client.resume();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** The bytes that are on their way in one direction. */
const MOST_ON_THE_WAY = 8 * 2 ** 20;

/** Passes bytes on in their order: timers that are due at once may fire in any. */
function pass(line: Line, from: Socket, to: Socket, wait: (bytes: number) => number): void {
  const queue: Array<{ readonly due: number; readonly chunk: Buffer }> = [];
  let bytes = 0;
  let isRunning = false;
  let isOver = false;
  const closed = new Promise((resolve) => to.once("close", resolve));
  const run = async () => {
    isRunning = true;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const left = next.due - performance.now();
      if (left > 0.5) await pause(left);
      if (!to.destroyed && !to.write(next.chunk)) {
        await Promise.race([once(to, "drain").catch(() => undefined), closed]);
      }
      bytes -= next.chunk.length;
      if (bytes < MOST_ON_THE_WAY) from.resume();
    }
    isRunning = false;
    if (isOver) to.end();
  };
  from.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes >= MOST_ON_THE_WAY) from.pause();
    queue.push({ due: performance.now() + wait(chunk.length) + line.roundTrip / 2, chunk });
    if (!isRunning) void run();
  });
  from.on("end", () => {
    isOver = true;
    if (!isRunning) to.end();
  });
}
