interface Entry<A> {
  readonly value: A;
  /** Milliseconds since 1970. */
  readonly end: number;
}

/** In milliseconds. */
const SWEEP_INTERVAL = 60_000;

/** Longest lifetime of a value, in milliseconds; a later end was set by a clock that was ahead. */
export const LONGEST = 8 * 24 * 60 * 60 * 1000;

const isOver = (end: number, now: number) => end <= now || end > now + LONGEST;

/** Keeps values by name, each until its end. */
export function expiring<A, Name extends string = string>() {
  const entries = new Map<Name, Entry<A>>();
  let sweptAt = 0;

  /** Runs during requests: a timer would keep the process alive. */
  const sweep = (now: number): void => {
    if (Math.abs(now - sweptAt) < SWEEP_INTERVAL) return;
    sweptAt = now;
    for (const [name, { end }] of entries) if (isOver(end, now)) entries.delete(name);
  };

  return {
    get: (name: Name, now: number): A | undefined => {
      sweep(now);
      const entry = entries.get(name);
      return entry === undefined || isOver(entry.end, now) ? undefined : entry.value;
    },
    names: (now: number): ReadonlyArray<Name> => {
      sweep(now);
      return [...entries.keys()];
    },
    set: (name: Name, value: A, end: number): void => {
      entries.set(name, { value, end });
    },
  };
}
