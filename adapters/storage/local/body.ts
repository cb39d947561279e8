/** How long a body may take, or what reads it, in milliseconds. */
export interface Patience {
  /** For its next piece. */
  readonly piece: number;
  /** For all of it. */
  readonly whole: number;
}

/**
 * The pieces of a body as they come; throws `BodyBroken` where they take too long, or where the
 * connection breaks. What is not read is left to whoever answers the request.
 */
export async function* chunksOf(
  body: ReadableStream<Uint8Array> | null,
  patience: Patience,
): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  const end = performance.now() + patience.whole;
  try {
    while (true) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const stalled = new Promise<never>((_, reject) => {
        const wait = Math.min(patience.piece, end - performance.now());
        timer = setTimeout(() => reject(new BodyBroken("stalled")), wait);
      });
      const read = reader.read().catch(() => Promise.reject(new BodyBroken("incomplete")));
      const next = await Promise.race([read, stalled]).finally(() => clearTimeout(timer));
      if (next.done) return;
      yield next.value;
    }
  } finally {
    reader.releaseLock();
  }
}

/** A body that did not come to its end: the client stopped sending or reading, or went away. */
export class BodyBroken extends Error {
  readonly outcome: "stalled" | "incomplete";
  constructor(outcome: "stalled" | "incomplete") {
    super(outcome);
    this.outcome = outcome;
  }
}
