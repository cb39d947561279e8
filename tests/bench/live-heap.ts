import cluster from "node:cluster";
import { subscribe } from "node:diagnostics_channel";
import { appendFileSync } from "node:fs";
import { join } from "node:path";

// Loaded before the service, in each of its processes: at SIGUSR2 to the first, each collects garbage
// and appends what is left to a file of its own in the folder LIVE_HEAPS. LEAK plants a leak of so
// many bytes a request.

const { LIVE_HEAPS = "", LEAK = "0" } = process.env;
// One that takes the place of another has another id.
const name = cluster.worker === undefined ? "first process" : `worker ${cluster.worker.id}`;

process.on("SIGUSR2", () => {
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill("SIGUSR2");
  const { rss: resident } = process.memoryUsage();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  const line = JSON.stringify({ live: heapUsed + external, resident });
  appendFileSync(join(LIVE_HEAPS, name), `${line}\n`);
});

const leaked: Array<unknown> = [];
if (LEAK !== "0") {
  subscribe("http.server.request.start", () => {
    leaked.push(Array.from({ length: Number(LEAK) / 8 }, () => 0));
  });
}
