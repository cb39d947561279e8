import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** Answers requests on a port of this machine, a free one unless it is named, until it is closed. */
export async function listen(handler: RequestListener, on = 0) {
  // A client of the same thread, which may stand still, would be closed as it sends.
  const server = createServer({ keepAliveTimeout: 0 }, handler).listen(on, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { server, port, url: new URL(`http://127.0.0.1:${port}`), close };
}

/** The same until the test has ended. */
export async function serve(handler: RequestListener): Promise<URL> {
  const { url, close } = await listen(handler);
  onTestFinished(close);
  return url;
}
