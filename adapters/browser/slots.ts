/** Runs `work` once fewer than the allowed number run; rejects if `signal` is aborted before. */
export type Slots = <A>(signal: AbortSignal, work: () => Promise<A>) => Promise<A>;

/** At most `count` at a time, in the order in which they came. */
export function makeSlots(count: number): Slots {
  let free = count;
  const queue = new Set<() => void>();
  const take = (signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (free > 0) {
        free -= 1;
        return resolve();
      }
      const leave = () => {
        queue.delete(enter);
        reject(signal.reason);
      };
      const enter = () => {
        queue.delete(enter);
        signal.removeEventListener("abort", leave);
        resolve();
      };
      queue.add(enter);
      signal.addEventListener("abort", leave, { once: true });
    });
  return async (signal, work) => {
    await take(signal);
    try {
      return await work();
    } finally {
      const [next] = queue;
      if (next === undefined) free += 1;
      else next();
    }
  };
}
