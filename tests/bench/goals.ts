import { type Result, speedOf } from "./rounds.ts";

export const BARE = "bare Hono, parse and echo";
export const BY_HAND = "the same work by hand";
export const SERVICE = "the service";
export const BATCH = "the service, an upload of a batch of 100";
export const GO = "Go, net/http and aws-sdk-go-v2";
export const BARE_HASHES = "bare hash calls";
export const NATIVE = "our signer";
export const BARE_RSA = "crypto.sign";
export const RSA = "our signer with RSA";
export const SAS = "our SAS, account key";
export const OFFICIAL_SAS = "@azure/storage-blob, account key";
export const DELEGATED = "our SAS, delegation key";
export const OFFICIAL_DELEGATED = "@azure/storage-blob, delegation key";
export const PACKAGE = "requestUpload of the package";

/** How fast a contender is to be. */
interface Goal {
  readonly contender: string;
  /** Whose speed is 1. */
  readonly reference: string;
  readonly speed: number;
}

const GOALS: ReadonlyArray<Goal> = [
  { contender: SERVICE, reference: BARE, speed: 0.32 },
  { contender: SERVICE, reference: BY_HAND, speed: 0.8 },
  { contender: SERVICE, reference: GO, speed: 1 },
  { contender: BATCH, reference: SERVICE, speed: 4 },
  { contender: NATIVE, reference: BARE_HASHES, speed: 0.8 },
  // 40 µs where the work by hand takes 91: both suffer alike where a machine is busy.
  { contender: PACKAGE, reference: BY_HAND, speed: 2.25 },
  { contender: RSA, reference: BARE_RSA, speed: 0.95 },
  { contender: SAS, reference: OFFICIAL_SAS, speed: 0.9 },
  { contender: DELEGATED, reference: OFFICIAL_DELEGATED, speed: 1 },
];

/** The contenders that the goals need; Go may not be there, and takes long to build. */
export const QUICK: ReadonlySet<string> = new Set(
  GOALS.filter(({ reference }) => reference !== GO).flatMap(({ contender, reference }) => [
    contender,
    reference,
  ]),
);

/** How what was measured stands to the goals. */
export function standing(results: ReadonlyArray<Result>) {
  const named = new Map(results.map((result) => [result.name, result]));
  return GOALS.flatMap(({ contender, reference, speed: goal }) => {
    const [own, theirs] = [named.get(contender), named.get(reference)];
    if (own === undefined || theirs === undefined) return [];
    const speed = speedOf(own, theirs);
    return [{ contender, reference, goal, speed, isFarOff: speed < goal / 2 }];
  });
}
