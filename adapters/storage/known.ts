import type { Abilities, Ability } from "../../application/ports/abilities.ts";

/** The abilities of a store, and their sources. */
export interface Known {
  readonly abilities: Abilities;
  /** The state of the bucket on which some of them depend; left out if none does. */
  readonly boundTo?: BoundTo | undefined;
  /** A missing ability that `valetkey certify` may prove: a sentence without a full stop. */
  readonly unproved?: string | undefined;
}

/** A state of a bucket on which writing once, completing once and copying may depend. */
export interface BoundTo {
  /** A bucket without versions may have kept some; `unknown` is a store that does not say. */
  readonly versions: "none" | "kept" | "unknown";
  /** The abilities that do not hold in another state. */
  readonly abilities: Abilities;
}

/** The promises behind each ability that a certificate may decide. */
export type Decided = Readonly<Partial<Record<Ability, ReadonlyArray<string>>>>;

/** Stores that take parts of any size are asked for none that cost more requests than they save. */
export const SMALL_PART = 256 * 2 ** 10;

/** "Uploading objects" and "Amazon S3 multipart upload limits", Amazon S3 User Guide. */
export const S3_LIMITS = { largestPut: 5 * 2 ** 30, largestMultipart: 5 * 2 ** 40 } as const;
