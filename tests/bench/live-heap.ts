import { subscribe } from "node:diagnostics_channel";
import { appendFileSync } from "node:fs";

// Loaded before the service, which at SIGUSR2 collects garbage and appends what is left to the file
// LIVE_HEAP. LEAK plants a leak of so many bytes a request.

const { LIVE_HEAP = "", LEAK = "0" } = process.env;

process.on("SIGUSR2", () => {
  const { rss: resident } = process.memoryUsage();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  const line = JSON.stringify({ live: heapUsed + external, resident });
  appendFileSync(LIVE_HEAP, `${line}\n`);
});

const leaked: Array<unknown> = [];
if (LEAK !== "0") {
  subscribe("http.server.request.start", () => {
    leaked.push(Array.from({ length: Number(LEAK) / 8 }, () => 0));
  });
}
