import { readFileSync } from "node:fs";

/** What a process holds after a collection, in bytes, and was resident before it. */
interface Held {
  readonly live: number;
  readonly resident: number;
}

/** Settings with which a process writes down what it holds, each time that it gets SIGUSR2. */
export const heapSettings = (file: string, leak = "0") => ({
  NODE_OPTIONS: `--expose-gc --import=${new URL("live-heap.ts", import.meta.url).href}`,
  LIVE_HEAP: file,
  LEAK: leak,
});

export const heldIn = (file: string): ReadonlyArray<Held> =>
  readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
