import { Transient } from "./retry.ts";

/**
 * The most bodies on their way at a time, of all files and parts: browsers open 6 connections to a
 * host over HTTP/1.1, and the page needs some itself.
 */
export const MOST_AT_ONCE = 4;

/** Runs `work` once fewer than the allowed number run; rejects if `signal` is aborted before. */
export type Slots = <A>(signal: AbortSignal, work: () => Promise<A>) => Promise<A>;

/** Allows `count` at a time; one once the line broke, and one more with every two that arrive. */
export function makeSlots(count: number): Slots {
  let most = count;
  const running = new Set<object>();
  const waiting: Array<() => void> = [];
  const wake = () => waiting.splice(0).forEach((resolve) => resolve());
  return async (signal, work) => {
    while (running.size + 1 > most && !signal.aborted) {
      // Once for each signal, however often it waits.
      signal.addEventListener("abort", wake);
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    signal.throwIfAborted();
    running.add(work);
    try {
      const done = await work();
      most = Math.min(count, most + 0.5);
      return done;
    } catch (cause) {
      if (cause instanceof Transient && cause.reason === "network") most = 1;
      throw cause;
    } finally {
      running.delete(work);
      wake();
    }
  };
}
