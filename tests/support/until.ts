import { setTimeout as pause } from "node:timers/promises";

/**
 * Asks again and again until `attempt` gives something, for at most `seconds`; an attempt that throws
 * gives nothing. Unlike `vi.waitFor`, it also runs before tests and in benchmarks.
 */
export async function until<A>(
  what: string,
  attempt: () => Promise<A | false | undefined> | A | false | undefined,
  seconds = 300,
): Promise<A> {
  const end = performance.now() + seconds * 1000;
  let last: unknown;
  while (performance.now() < end) {
    try {
      const found = await attempt();
      if (found) return found;
    } catch (cause) {
      last = cause;
    }
    await pause(25);
  }
  throw new Error(`${what} did not happen within ${seconds} seconds`, { cause: last });
}
