import { once } from "node:events";
import { createServer } from "node:net";

/**
 * A port of the loopback address that was free a moment ago, for servers that cannot choose one by
 * themselves. It is none of those that the system gives to outgoing connections, each worker of a
 * run has its own, and none is given twice: so it stays free until it is bound.
 */
export async function freePort(): Promise<number> {
  const worker = Number(process.env["VITEST_POOL_ID"] ?? 0) % WORKERS;
  for (;;) {
    const port = FIRST + worker * EACH + (next++ % EACH);
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch {
      continue;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}

const FIRST = 11_000;
const WORKERS = 16;
const EACH = 1_300;
let next = Math.floor(Math.random() * EACH);
