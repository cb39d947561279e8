import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** Serves on a free port of this machine until the test has ended. */
export async function serve(handler: RequestListener): Promise<URL> {
  // A client of the same thread, which may stand still, would be closed as it sends.
  const server = createServer({ keepAliveTimeout: 0 }, handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
