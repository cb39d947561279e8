import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A line to a server: what a client far away has. */
export interface Line {
  /** Milliseconds there and back. */
  readonly roundTrip: number;
  /** Upwards, in bits a second; downwards there is enough. */
  readonly bandwidth: number;
}

/** A line in use. */
export interface Link {
  readonly port: number;
  /** Bytes that went up and down so far. */
  readonly bytes: () => number;
  readonly close: () => void;
}

/**
 * Puts a line before a server of this machine: bytes arrive half a round trip later, those upwards
 * no faster than the line carries, and a connection takes a round trip to be made. It is kinder
 * than a real one: nothing is lost, and TCP does not start slowly.
 */
export async function openLink({ roundTrip, bandwidth }: Line, target: number): Promise<Link> {
  let bytes = 0;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: target, host: "127.0.0.1", noDelay: true });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      // It closes after that.
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        // What is under way still arrives, and what the other end still sends is thrown away: a
        // connection that was reset would lose the answer.
        setTimeout(() => other.end(), 2 * roundTrip);
      });
    }
    carry(near, far, { delay: roundTrip / 2, bandwidth, start: performance.now() + roundTrip });
    carry(far, near, { delay: roundTrip / 2, bandwidth: Infinity, start: 0 });
  });

  function carry(
    from: Socket,
    to: Socket,
    { delay, bandwidth, start }: { delay: number; bandwidth: number; start: number },
  ): void {
    /** When the line has sent all that it was given. */
    let sent = start;
    const underWay: Array<{ readonly piece: Buffer; readonly due: number }> = [];
    const arrive = () => {
      for (;;) {
        const [next] = underWay;
        if (next === undefined) return;
        const wait = next.due - performance.now();
        if (wait > 0) return void setTimeout(arrive, wait);
        underWay.shift();
        if (to.writable) to.write(next.piece);
      }
    };
    from.on("data", (chunk: Buffer) => {
      if (!to.writable) return;
      bytes += chunk.length;
      const now = performance.now();
      const isIdle = underWay.length === 0;
      // In pieces, so that the line is as even as a real one.
      for (let at = 0; at < chunk.length; at += PIECE) {
        const piece = chunk.subarray(at, at + PIECE);
        sent = Math.max(sent, now - SLACK) + (piece.length * 8 * 1000) / bandwidth;
        underWay.push({ piece, due: sent + delay });
      }
      if (isIdle) arrive();
      if (sent > now) {
        from.pause();
        setTimeout(() => from.resume(), sent - now);
      }
    });
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    bytes: () => bytes,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

const PIECE = 16 * 1024;
/** Milliseconds that a busy machine may be late without making the line slower. */
const SLACK = 200;
