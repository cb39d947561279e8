import cluster from "node:cluster";
import { subscribe } from "node:diagnostics_channel";
import { appendFileSync } from "node:fs";
import { join } from "node:path";

// Loaded before the service, in each of its processes: every ten seconds it collects garbage and
// appends what is left to the process's file in the folder SOAK_HEAPS. SOAK_LEAK plants a leak of so
// many bytes a request.

const { SOAK_HEAPS = "", SOAK_LEAK = "0" } = process.env;
// One that takes the place of another has another id.
const name = cluster.worker === undefined ? "first process" : `worker ${cluster.worker.id}`;
const file = join(SOAK_HEAPS, name);

setInterval(() => {
  globalThis.gc?.();
  appendFileSync(file, `${JSON.stringify(process.memoryUsage())}\n`);
}, 10_000).unref();

const leaked: Array<unknown> = [];
if (SOAK_LEAK !== "0") {
  subscribe("http.server.request.start", () => {
    leaked.push(Array.from({ length: Number(SOAK_LEAK) / 8 }, () => 0));
  });
}
