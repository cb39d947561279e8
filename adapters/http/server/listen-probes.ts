import { once } from "node:events";
import { Worker } from "node:worker_threads";

/**
 * Answers `/healthz` and `/readyz` on a separate port and in a separate thread: on the service's
 * port, Node accepts one connection between two rounds of requests, so that a probe waits for
 * seconds under load. Both are 503 once the service's thread has been silent for 10 seconds.
 * Rejects if it cannot listen.
 */
export async function listenProbes({
  isReady,
  ...address
}: {
  readonly host: string;
  readonly port: number;
  readonly isReady: () => Promise<boolean>;
}): Promise<void> {
  // As text, since a separate file would have to lie beside each bundle.
  const worker = new Worker(`(${serve})()`, { eval: true, workerData: address });
  await once(worker, "message");
  worker.unref();
  setInterval(async () => worker.postMessage(await isReady()), 500).unref();
}

/** Runs in the thread, without the rest of this module. */
function serve(): void {
  const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
  const { createServer } = process.getBuiltinModule("node:http");
  let isReady = false;
  let heardAt = performance.now();
  parentPort?.on("message", (ready: boolean) => {
    isReady = ready;
    heardAt = performance.now();
  });
  const server = createServer(({ url }, response) => {
    const isAlive = performance.now() - heardAt < 10_000;
    const isGood = isAlive && (url === "/healthz" || (url === "/readyz" && isReady));
    const status = isGood ? "ok" : isAlive ? "not ready" : "hanging";
    response.writeHead(isGood ? 200 : 503, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ status }));
  });
  server.listen(workerData, () => parentPort?.postMessage("listening"));
}
