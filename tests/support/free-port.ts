import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * A port of the loopback address that was free a moment ago, for servers that cannot choose one by
 * themselves. It is none of those that the system gives to outgoing connections, and no other worker
 * is given it, of this run or of another: so it stays free until it is bound.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    // UDP has ports of its own. Until this process ends, its holder alone has the number.
    const holder = createSocket("udp4");
    const server = createServer();
    try {
      holder.bind({ port, address: "127.0.0.1", exclusive: true });
      await once(holder, "listening");
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
    } catch {
      holder.close();
      continue;
    }
    holder.unref();
    server.close();
    await once(server, "close");
    return port;
  }
}

const FIRST = 11_000;
const COUNT = 20_800;
