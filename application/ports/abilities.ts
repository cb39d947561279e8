import { ByteSize } from "../../domain/byte-size.ts";
import type { ChecksumAlgorithm } from "../../domain/checksum.ts";
import { SMALLEST_PART } from "../../domain/multipart.ts";

/**
 * What a store may be able to do. Policies, clients, the contract and certificates read these words;
 * they stand in the order in which titles name them, one that needs another after it:
 *
 * - `repeated PUT`: it accepts a PUT again that was not made write-once;
 * - `sha256`, `crc32c`, `md5`: it verifies this checksum of a PUT, and reports it for the object
 *   (except MD5);
 * - `bound type`: it refuses a PUT of another media type than was granted;
 * - `bound size`: under `strict` it refuses a PUT of another size than was granted;
 * - `plain PUT`: it accepts a PUT with no other header than `Content-Type`, unless more was asked
 *   for;
 * - `signed query`: it refuses a URL to which a parameter was added;
 * - `exact size by default`: the size is bound also without `strict`, since the client need not set
 *   a header for it;
 * - `write-once`: it can be made to accept a PUT only while nothing is stored under its key, from its
 *   beginning to its end;
 * - `two endpoints`: browsers and services reach it under different origins;
 * - `pinned downloads`: a signed GET sets all headers of a download, not only type and disposition;
 * - `inline PDF`: it serves a PDF to be shown in place if the signed GET says so;
 * - `bound parts`: the URL of a part takes this part of this upload, while it lasts, and its ETag
 *   identifies its bytes;
 * - `multipart`: it is used for uploads in parts;
 * - `part sha256`, `part crc32c`, `part md5`: it verifies this checksum of a part;
 * - `replaced parts`: it forgets a part in whose place another one came;
 * - `file checksums`: when it puts parts together, it verifies the CRC-32C of the whole file;
 * - `reads`: the service can read exactly the object that it looked at;
 * - `copies`: it copies an upload to its place on condition that it is the one that was looked at;
 * - `copies once`: a completion may have the condition that its key is free, so that a copy, which is
 *   made of parts, never replaces an object, also when many race;
 * - `completes once`: of all completions of one upload in parts, one object stays, and what was
 *   completed takes no more parts;
 * - `unsigned headers`: those that a client adds to a PUT change nothing of a file that is confirmed;
 * - `versions`: one version of an object can be removed, and no other;
 * - `scan tags`: a scanner's verdict can be a tag of the object, which no upload can set;
 * - `scoped credentials`: it gives out temporary credentials that may put below one prefix, and that
 *   it refuses everything else.
 */
export const ABILITIES = [
  "repeated PUT",
  "sha256",
  "crc32c",
  "md5",
  "bound type",
  "bound size",
  "plain PUT",
  "signed query",
  "exact size by default",
  "write-once",
  "two endpoints",
  "pinned downloads",
  "inline PDF",
  "bound parts",
  "multipart",
  "part sha256",
  "part crc32c",
  "part md5",
  "replaced parts",
  "file checksums",
  "reads",
  "copies",
  "copies once",
  "completes once",
  "unsigned headers",
  "versions",
  "scan tags",
  "scoped credentials",
] as const;

export type Ability = (typeof ABILITIES)[number];
export type Abilities = ReadonlySet<Ability>;

/** Returns all abilities but these and those that depend on them. */
export const abilitiesWithout = (...lacks: ReadonlyArray<Ability>): Abilities =>
  new Set(
    ABILITIES.filter(
      (ability) => !lacks.some((lack) => [lack, ...(OF[lack] ?? [])].includes(ability)),
    ),
  );

const OF: { readonly [Name in Ability]?: ReadonlyArray<Ability> } = {
  multipart: [
    "bound parts",
    "part sha256",
    "part crc32c",
    "part md5",
    "replaced parts",
    "file checksums",
    "completes once",
  ],
  copies: ["copies once"],
};

/** Returns the abilities that a store lacks. */
export const lackedBy = (abilities: Abilities): ReadonlyArray<Ability> =>
  ABILITIES.filter((ability) => !abilities.has(ability));

/** Sizes that a store takes, in bytes. */
export interface StoreLimits {
  readonly largestPut: number;
  /** Of a part that is not the last; as Amazon S3 takes if left out. */
  readonly smallestPart?: number;
  /** Of an object made of parts; as for a PUT if left out. */
  readonly largestMultipart?: number;
}

export const smallestPart = (limits: StoreLimits | undefined): ByteSize =>
  ByteSize.make(limits?.smallestPart ?? SMALLEST_PART);

const ALGORITHMS: ReadonlyArray<ChecksumAlgorithm> = ["sha256", "crc32c", "md5"];

/** Returns the checksums of a PUT that a store verifies. */
export const putChecksums = (abilities: Abilities): ReadonlyArray<ChecksumAlgorithm> =>
  ALGORITHMS.filter((algorithm) => abilities.has(algorithm));

/** Returns the checksums of a part that a store verifies. */
export const checksumsOfParts = (abilities: Abilities): ReadonlyArray<ChecksumAlgorithm> =>
  ALGORITHMS.filter((algorithm) => abilities.has(`part ${algorithm}`));

/** Returns the checksums of a whole file in parts that a store verifies. */
export const checksumsOfWhole = (abilities: Abilities): ReadonlyArray<ChecksumAlgorithm> =>
  abilities.has("file checksums") ? ["crc32c"] : [];
