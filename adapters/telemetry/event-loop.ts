import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Meter } from "./meter.ts";

/** In milliseconds; the measured delays include it. */
const RESOLUTION = 10;

const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - RESOLUTION / 1000);

/** In milliseconds: several metrics, and perhaps two readers, share one reading. */
const READ_INTERVAL = 5_000;

/** Measures the delay of the event loop. Only Node can. */
export function watchEventLoop(meter: Meter): void {
  if ("Deno" in globalThis || "Bun" in globalThis) return;
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
  delay.enable();
  let readAt = -Infinity;
  let last = { p50: 0, p99: 0, max: 0 };
  const read = () => {
    if (performance.now() - readAt > READ_INTERVAL) {
      readAt = performance.now();
      last = { p50: delay.percentile(50), p99: delay.percentile(99), max: delay.max };
      delay.reset();
    }
    return last;
  };
  for (const name of ["p50", "p99", "max"] as const) {
    meter.observe(`nodejs_eventloop_delay_${name}_seconds`, [], () => late(read()[name]));
  }
}
