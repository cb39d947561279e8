import { setTimeout as pause } from "node:timers/promises";
import type { CuttingProxy } from "../support/cutting-proxy.ts";
import type { Redis } from "../support/redis.ts";

/** What a fault takes away: calls to the store, or counts in Redis. */
type Part = "store" | "redis";

/** A time in which requests may be refused for a fault, in milliseconds of `performance.now()`. */
interface Fault {
  readonly name: string;
  readonly part: Part;
  readonly start: number;
  /** When it was taken back. */
  end: number;
  /** When what it took away worked again; undefined while it does not. */
  recovered: number | undefined;
}

/** Longest time from the end of a fault until nothing is refused for it, in milliseconds. */
export const LONGEST_RECOVERY = 15_000;

/** Brings faults about, one after another, and remembers when. */
export function faultsFor({
  proxy,
  redis,
  works,
}: {
  readonly proxy: CuttingProxy;
  readonly redis: Redis;
  /** Whether a part can be used. */
  readonly works: Readonly<Record<Part, () => Promise<boolean>>>;
}) {
  const faults: Array<Fault> = [];
  const kinds: ReadonlyArray<readonly [string, Part, () => unknown, () => unknown]> = [
    ["the store refuses connections", "store", () => proxy.refuse(true), () => proxy.refuse(false)],
    ["Redis is killed", "redis", redis.kill, redis.restart],
    [
      "connections to the store are cut",
      "store",
      () => proxy.refuse(true),
      () => proxy.refuse(false),
    ],
    ["the store does not answer", "store", () => proxy.stall(true), () => proxy.stall(false)],
    ["Redis does not answer", "redis", redis.pause, redis.resume],
  ];
  return {
    faults,
    /** The next fault, for so long; resolves once all works again. */
    next: async (milliseconds: number): Promise<void> => {
      const [name, part, begin, end] = kinds[faults.length % kinds.length] ?? kinds[0] ?? [];
      if (name === undefined || part === undefined) return;
      const fault: Fault = {
        name,
        part,
        start: performance.now(),
        end: Infinity,
        recovered: undefined,
      };
      faults.push(fault);
      await begin?.();
      await pause(name.endsWith("are cut") ? 0 : milliseconds);
      await end?.();
      fault.end = performance.now();
      while (!(await works[part]()) && performance.now() < fault.end + LONGEST_RECOVERY) {
        await pause(50);
      }
      fault.recovered = performance.now();
    },
    /** Whether the store was, or may still have been, away at any time between two. */
    excuses: (from: number, to: number): boolean =>
      faults.some(
        ({ part, start, end, recovered }) =>
          part === "store" && from < (recovered ?? end + LONGEST_RECOVERY) && to >= start,
      ),
  };
}
