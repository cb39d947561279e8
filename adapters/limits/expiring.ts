import { createHash } from "node:crypto";

interface Group {
  size: number;
  /** As of the last sweep; milliseconds since 1970. */
  firstEnd: number;
}

export interface Entry<A> {
  readonly value: A;
  /** Milliseconds since 1970. */
  readonly end: number;
  /** The part of each group's size that is this entry. */
  readonly weight: number;
  readonly groups: ReadonlyArray<string>;
}

export interface Bound {
  readonly group: string;
  readonly most: number;
}

/** In milliseconds, longer than anything is kept; a later end is of a clock that was set back. */
export const LONGEST = 8 * 24 * 60 * 60 * 1000;

const isOver = (end: number, now: number) => end <= now || end > now + LONGEST;

/**
 * Values by name, each until its end, and the sizes of their groups. Expired entries are removed at
 * most once in `interval` milliseconds to make room.
 */
export function expiring<A>(interval = 0) {
  const entries = new Map<string, Entry<A>>();
  const groups = new Map<string, Group>();
  let sweptAt = 0;

  const remove = (name: string): void => {
    const entry = entries.get(name);
    entries.delete(name);
    for (const key of entry?.groups ?? []) {
      const group = groups.get(key);
      if (group && entry) group.size -= entry.weight;
      if (group?.size === 0) groups.delete(key);
    }
  };

  const sweep = (now: number): void => {
    sweptAt = now;
    for (const group of groups.values()) group.firstEnd = Infinity;
    for (const [name, { end, groups: keys }] of entries) {
      if (isOver(end, now)) remove(name);
      else for (const key of keys) endIn(key, end);
    }
  };

  const endIn = (key: string, end: number): Group => {
    const group = groups.get(key) ?? { size: 0, firstEnd: Infinity };
    group.firstEnd = Math.min(group.firstEnd, end);
    return group;
  };

  return {
    get: (name: string, now: number): A | undefined => {
      const entry = entries.get(name);
      return entry === undefined || isOver(entry.end, now) ? undefined : entry.value;
    },
    set: (
      name: string,
      value: A,
      { end, weight = 1, groups: keys = [] }: { end: number } & Partial<Entry<A>>,
    ): void => {
      remove(name);
      entries.set(name, { value, end, weight, groups: keys });
      for (const key of keys) {
        const group = endIn(key, end);
        group.size += weight;
        groups.set(key, group);
      }
    },
    replace: (name: string, value: A): void => {
      const entry = entries.get(name);
      if (entry) entries.set(name, { ...entry, value });
    },
    remove,
    /** Finds a bound without room for `weight`, and the milliseconds until its first entry ends. */
    full: <B extends Bound>(bounds: ReadonlyArray<B>, weight: number, now: number) => {
      const reached = () =>
        bounds.find(({ group, most }) => (groups.get(group)?.size ?? 0) + weight > most);
      const end = ({ group }: Bound) => groups.get(group)?.firstEnd ?? now;
      let bound = reached();
      if (bound && isOver(end(bound), now) && Math.abs(now - sweptAt) >= interval) {
        sweep(now);
        bound = reached();
      }
      return bound && { bound, wait: end(bound) - now };
    },
    sweep,
  };
}

export const digest = (parts: ReadonlyArray<string>): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url");
