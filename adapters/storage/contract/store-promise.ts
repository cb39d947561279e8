import type { Ability } from "./harness.ts";
import type { Subject } from "./subject.ts";

/** Something that whoever uses a store may rely on. */
export interface StorePromise {
  readonly title: string;
  /** It is made by stores that are able to do this alone. */
  readonly needs?: Ability;
  /** It is what is promised instead by stores that are without this. */
  readonly without?: Ability;
  readonly check: (subject: Subject) => Promise<void>;
}

/** Whether a store that is able to do so much makes the promise. */
export const isMadeBy = (
  { needs, without }: StorePromise,
  has: (ability: Ability) => boolean,
): boolean => (needs === undefined || has(needs)) && (without === undefined || !has(without));
