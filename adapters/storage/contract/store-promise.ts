import type { Ability } from "./harness.ts";
import type { Subject } from "./subject.ts";

/** A promise on which users of a store may rely. */
export interface StorePromise {
  readonly title: string;
  readonly check: (subject: Subject) => Promise<void>;
  /** The abilities that it is about; none if every store makes it, or one without an ability. */
  readonly needs?: ReadonlyArray<Ability>;
  /** Whether a store with these abilities makes the promise. */
  readonly isMadeBy: (has: (ability: Ability) => boolean) => boolean;
}

type ChecksByTitle = Readonly<Record<string, StorePromise["check"]>>;

/** Promises that every store makes. */
export const everyStore = (checks: ChecksByTitle): ReadonlyArray<StorePromise> =>
  promises(checks, () => true);

/** Promises of the stores that have this ability. */
export const storesWith = (ability: Ability, checks: ChecksByTitle): ReadonlyArray<StorePromise> =>
  promises(checks, (has) => has(ability)).map((promise) => ({ ...promise, needs: [ability] }));

/** What the stores without this ability promise instead. */
export const storesWithout = (
  ability: Ability,
  checks: ChecksByTitle,
): ReadonlyArray<StorePromise> => promises(checks, (has) => !has(ability));

const promises = (checks: ChecksByTitle, isMadeBy: StorePromise["isMadeBy"]) =>
  Object.entries(checks).map(([title, check]) => ({ title, check, isMadeBy }));
