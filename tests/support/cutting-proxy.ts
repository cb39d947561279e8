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
  /** How often it has done so. */
  readonly cuts: () => number;
  /** Lets so many more PUTs through, and holds those after them: an upload stays where it is. */
  readonly holdAfter: (puts: number) => void;
  /** Cuts the connections that are held, and holds none from now on. */
  readonly release: () => void;
  readonly close: () => Promise<void>;
}

/** How many connections are refused after a cut. */
const REFUSED = 2;

const PUT = Buffer.from("PUT ");

/** Passes on what comes to a port of its own. */
export async function startCuttingProxy(target: () => number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  const held = new Set<Socket>();
  let passing = Infinity;
  let left = Infinity;
  let cuts = 0;
  let refused = 0;
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
    client.on("data", (chunk) => {
      // Over HTTP/1.1 a browser begins no request before the one before it is answered.
      if (chunk.subarray(0, PUT.length).equals(PUT) && passing-- <= 0) {
        client.pause();
        held.add(client);
        return;
      }
      left -= chunk.length;
      if (left <= 0) {
        left = Infinity;
        cuts += 1;
        refused = REFUSED;
        for (const socket of sockets) socket.resetAndDestroy();
      } else if (!upstream.write(chunk)) {
        client.pause();
        upstream.once("drain", () => client.resume());
      }
    });
    upstream.pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    cutAfter: (bytes) => (left = bytes),
    cuts: () => cuts,
    holdAfter: (puts) => (passing = puts),
    release: () => {
      passing = Infinity;
      for (const socket of held) socket.resetAndDestroy();
      held.clear();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
