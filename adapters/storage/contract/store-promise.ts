import type { Ability } from "./harness.ts";
import type { Subject } from "./subject.ts";

/** A promise on which users of a store may rely. */
export interface StorePromise {
  readonly title: string;
  /** The ability that a store needs to make this promise. */
  readonly needs?: Ability;
  /** The ability whose absence makes a store promise this instead. */
  readonly without?: Ability;
  readonly check: (subject: Subject) => Promise<void>;
}

/** Whether a store with these abilities makes the promise. */
export const isMadeBy = (
  { needs, without }: StorePromise,
  has: (ability: Ability) => boolean,
): boolean => (needs === undefined || has(needs)) && (without === undefined || !has(without));
