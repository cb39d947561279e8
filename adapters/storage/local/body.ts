import { Refused } from "./refusal.ts";

/** Longest pause between two pieces of an upload or download, in milliseconds. */
export const LONGEST_PAUSE = 30_000;

/** Slowest rate after the first minute, in bytes per millisecond. */
const SLOWEST_RATE = 16;

/** Times for a body, or its reader, in milliseconds. */
export interface Timeouts {
  readonly piece: number;
  readonly whole: number;
}

export const timeoutsFor = (size: number): Timeouts => ({
  piece: LONGEST_PAUSE,
  whole: 60_000 + size / SLOWEST_RATE,
});

/** Reads pieces; throws `Refused` if they take too long or the connection breaks. */
export async function* readChunks(
  body: ReadableStream<Uint8Array> | null,
  timeouts: Timeouts,
): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  const end = performance.now() + timeouts.whole;
  try {
    while (true) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const stalled = new Promise<never>((_, reject) => {
        const wait = Math.min(timeouts.piece, end - performance.now());
        timer = setTimeout(() => reject(new Refused("RequestTimeout")), wait);
      });
      const read = reader.read().catch(() => Promise.reject(new Refused("IncompleteBody")));
      const next = await Promise.race([read, stalled]).finally(() => clearTimeout(timer));
      if (next.done) return;
      yield next.value;
    }
  } finally {
    reader.releaseLock();
  }
}
