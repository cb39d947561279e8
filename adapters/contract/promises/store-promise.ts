import { ABILITIES, type Ability } from "../../../application/ports/abilities.ts";
import type { Subject } from "../subject/subject.ts";

/** A promise on which users of a store may rely. */
export interface StorePromise {
  readonly title: string;
  readonly check: (subject: Subject) => Promise<void>;
  /** Abilities without which a store does not make the promise. */
  readonly needs: ReadonlyArray<Ability>;
  /** Abilities in whose place a store makes the promise. */
  readonly lacks: ReadonlyArray<Ability>;
}

export type Checks = Readonly<Record<string, StorePromise["check"]>>;

/** Promises of the stores that meet all conditions; of every store if there are none. */
export function promises(
  conditions: ReadonlyArray<Ability | `without ${Ability}`>,
  checks: Checks,
): ReadonlyArray<StorePromise> {
  const needs = ABILITIES.filter((ability) => conditions.includes(ability));
  const lacks = ABILITIES.filter((ability) => conditions.includes(`without ${ability}`));
  return Object.entries(checks).map(([title, check]) => ({ title, check, needs, lacks }));
}

/** Returns true if a store with certain abilities makes a promise. */
export const isMadeBy =
  (has: (ability: Ability) => boolean) =>
  ({ needs, lacks }: StorePromise): boolean =>
    needs.every(has) && !lacks.some(has);
