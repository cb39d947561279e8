import { Transient } from "./retry.ts";

/** The most bodies on their way at a time: browsers open 6 connections to a host over HTTP/1.1. */
export const MOST_AT_ONCE = 6;

/** The smallest part of most stores, in bytes; one may always be on its way. */
export const LEAST_PART = 5 * 2 ** 20;

/** A body of fewer bytes is never worth a wait for others. */
const SMALL = 2 ** 18;

/** A line is quick if it carries a part in this time, in milliseconds. */
const QUICK = 2000;

/** A later answer, in milliseconds, may have waited for a proxy that has buffered the part. */
const LATE = 30_000;

/** When a body began to be sent, and when all of it was taken, by `performance.now()`. */
interface Times {
  begun: number;
  taken?: number;
}

/** Thrown where the upload is to begin anew, in smaller parts. */
export class SmallerParts {
  declare readonly partSize: number;

  constructor(partSize: number) {
    Object.assign(this, { partSize });
  }
}

/** The share of a part that a body is; small ones go side by side also after a break. */
const shareOf = (size: number): number => Math.min(1, Math.max(size, SMALL) / LEAST_PART);

export type Slots = ReturnType<typeof makeSlots>;

/**
 * Limits bodies on their way to `count`, and their bytes to what a break of the line may cost: one
 * part at first and after a break, one more after every two quick ones, half as many after a slow
 * one (additive increase, multiplicative decrease); until the first of these one more after every
 * quick one (slow start). The returned function runs `work`, which writes down the times, once there
 * is room for a body of `size` bytes.
 */
export function makeSlots(count: number) {
  let most = 1;
  let isStarting = true;
  let running = 0;
  let bytes = 0;
  const waiting: Array<() => void> = [];
  const wake = () => waiting.splice(0).forEach((resolve) => resolve());
  return async <A>(
    signal: AbortSignal,
    size: number,
    work: (times: Times) => Promise<A>,
  ): Promise<A> => {
    const part = Math.max(size, LEAST_PART);
    const isFull = () => running === count || (running > 0 && bytes + size > most * part);
    while (isFull() && !signal.aborted) {
      // Once per signal, however often it waits.
      signal.addEventListener("abort", wake);
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    signal.throwIfAborted();
    running += 1;
    bytes += size;
    const times: Times = { begun: performance.now() };
    try {
      const done = await work(times);
      const now = performance.now();
      const { begun, taken = now } = times;
      if (taken - begun >= QUICK || now - taken > LATE) {
        most = Math.max(Math.min(1, most), most / 2);
        isStarting = false;
      }
      // A small body is quick on any line.
      else if (size >= LEAST_PART || (now - begun) * LEAST_PART < QUICK * size) {
        const isSmall = most < 1 && size < LEAST_PART;
        most = Math.min(
          count,
          isSmall ? most + shareOf(size) / 8 : Math.max(1, most) + (isStarting ? 1 : 0.5),
        );
      }
      return done;
    } catch (cause) {
      const isSmaller = cause instanceof SmallerParts;
      if (isSmaller || (cause instanceof Transient && cause.reason === "network")) {
        most = shareOf(isSmaller ? cause.partSize : size);
        isStarting = false;
      }
      throw cause;
    } finally {
      running -= 1;
      bytes -= size;
      wake();
    }
  };
}
