import type { Abilities, Ability } from "../../application/ports/abilities.ts";

/** The abilities of a store, and how they are known. */
export interface Known {
  readonly abilities: Abilities;
  /** The state of the bucket in which alone some of them hold; every state if left out. */
  readonly boundTo?: BoundTo | undefined;
  /** Of what it lacks, if `valetkey certify` may show that it has it: a sentence without a full stop. */
  readonly unproved?: string | undefined;
}

/** A state of a bucket; writing once, completing once and copying may hold in it alone. */
export interface BoundTo {
  /** A bucket that keeps no versions may have kept some; `unknown` is a store that does not say. */
  readonly versions: "none" | "kept" | "unknown";
  /** Those that do not hold in another state. */
  readonly abilities: Abilities;
}

/** The promises on which each ability stands that a certificate may decide. */
export type Decided = Readonly<Partial<Record<Ability, ReadonlyArray<string>>>>;

/** "Uploading objects" and "Amazon S3 multipart upload limits", Amazon S3 User Guide. */
export const S3_LIMITS = { largestPut: 5 * 2 ** 30, largestMultipart: 5 * 2 ** 40 } as const;
