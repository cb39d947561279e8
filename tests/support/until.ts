import { setTimeout as pause } from "node:timers/promises";

/** Asks again and again until `attempt` gives something, for at most `seconds`. */
export async function until<A>(
  what: string,
  attempt: () => Promise<A | undefined>,
  seconds = 150,
): Promise<A> {
  const end = performance.now() + seconds * 1000;
  let last: unknown;
  while (performance.now() < end) {
    try {
      const found = await attempt();
      if (found !== undefined) return found;
    } catch (cause) {
      last = cause;
    }
    await pause(25);
  }
  throw new Error(`${what} did not happen within ${seconds} seconds`, { cause: last });
}
