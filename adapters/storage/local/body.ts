import type { RefusalCode } from "./refusal.ts";

/** Timeouts for a body, or for its reader, in milliseconds. */
export interface Timeouts {
  /** For the next piece. */
  readonly piece: number;
  /** For the whole body. */
  readonly whole: number;
}

/**
 * The pieces of a body as they arrive. Throws `BodyBroken` if they take too long or the connection
 * breaks. The caller handles what was not read.
 */
export async function* chunksOf(
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
        timer = setTimeout(() => reject(new BodyBroken("RequestTimeout")), wait);
      });
      const read = reader.read().catch(() => Promise.reject(new BodyBroken("IncompleteBody")));
      const next = await Promise.race([read, stalled]).finally(() => clearTimeout(timer));
      if (next.done) return;
      yield next.value;
    }
  } finally {
    reader.releaseLock();
  }
}

/** The body did not arrive as it should, or its reader stopped. */
export class BodyBroken extends Error {
  readonly code: RefusalCode;
  constructor(code: RefusalCode) {
    super(code);
    this.code = code;
  }
}
