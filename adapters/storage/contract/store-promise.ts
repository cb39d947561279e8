import type { Ability } from "./harness.ts";
import type { Subject } from "./subject.ts";

/** A promise on which users of a store may rely. */
export interface StorePromise {
  readonly title: string;
  readonly check: (subject: Subject) => Promise<void>;
  /** Abilities without which a store does not make the promise. */
  readonly needs: ReadonlyArray<Ability>;
  /** Abilities in whose place a store makes the promise. */
  readonly lacks: ReadonlyArray<Ability>;
}

type ChecksByTitle = Readonly<Record<string, StorePromise["check"]>>;

/** Promises that every store makes. */
export const everyStore = (checks: ChecksByTitle) => promises(checks, {});

/** Promises of the stores that have this ability. */
export const storesWith = (ability: Ability, checks: ChecksByTitle) =>
  promises(checks, { needs: [ability] });

/** Promises of the stores without this ability. */
export const storesWithout = (ability: Ability, checks: ChecksByTitle) =>
  promises(checks, { lacks: [ability] });

const promises = (
  checks: ChecksByTitle,
  condition: Partial<Pick<StorePromise, "needs" | "lacks">>,
): ReadonlyArray<StorePromise> =>
  Object.entries(checks).map(([title, check]) => ({
    title,
    check,
    needs: [],
    lacks: [],
    ...condition,
  }));

/** Tells whether a store with certain abilities makes a promise. */
export const isMadeBy =
  (has: (ability: Ability) => boolean) =>
  ({ needs, lacks }: StorePromise): boolean =>
    needs.every(has) && !lacks.some(has);
