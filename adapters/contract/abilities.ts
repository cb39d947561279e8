import type { StoreCapabilities } from "../../application/ports/store-capabilities.ts";

/**
 * An ability that not every store has:
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
 * - `multipart`: it is used for uploads in parts;
 * - `part sha256`, `part crc32c`, `part md5`: it verifies this checksum of a part;
 * - `bound parts`: the URL of a part takes this part of this upload, while it lasts, and its ETag tells
 *   its bytes;
 * - `replaced parts`: it forgets a part in whose place another one came;
 * - `file checksums`: when it puts parts together, it verifies the CRC-32C of the whole file;
 * - `reads`: the service can read exactly the object that it looked at;
 * - `copies`: it copies an upload to its place on condition that it is the one that was looked at;
 * - `copies once`: a completion may have the condition that its key is free, so that a copy, which is
 *   made of parts, never replaces an object, also when many race;
 * - `completes once`: of all completions of one upload in parts, one object stays, and what was
 *   completed takes no more parts;
 * - `unsigned headers`: those that a client adds to a PUT change nothing of a file that is confirmed.
 */
export type Ability = keyof typeof LACKS;

const none = () => false;

/** Tells whether a store lacks an ability by what it says of itself; of some it says nothing. */
const LACKS = {
  "repeated PUT": ({ alwaysOnce }) => alwaysOnce === true,
  sha256: ({ checksums }) => !checksums.includes("sha256"),
  crc32c: ({ checksums }) => !checksums.includes("crc32c"),
  md5: ({ checksums }) => !checksums.includes("md5"),
  "bound type": ({ bindsType }) => bindsType === false,
  "bound size": ({ bindsSize }) => bindsSize === "never",
  "plain PUT": ({ putHeaders = [] }) => putHeaders.length > 0,
  "signed query": ({ bindsQuery }) => bindsQuery === false,
  "exact size by default": ({ bindsSize = "always" }) => bindsSize !== "always",
  "write-once": ({ writeOnce }) => writeOnce === false,
  "two endpoints": none,
  "pinned downloads": ({ pinsDownloads }) => pinsDownloads === false,
  "inline PDF": none,
  "bound parts": ({ bindsParts }) => bindsParts === false,
  multipart: ({ partChecksums }) => partChecksums === undefined,
  "part sha256": ({ partChecksums = [] }) => !partChecksums.includes("sha256"),
  "part crc32c": ({ partChecksums = [] }) => !partChecksums.includes("crc32c"),
  "part md5": ({ partChecksums = [] }) => !partChecksums.includes("md5"),
  "replaced parts": ({ keepsReplacedParts }) => keepsReplacedParts === true,
  "file checksums": ({ fileChecksums }) => fileChecksums === undefined,
  reads: none,
  copies: ({ copies }) => !copies,
  "copies once": ({ copiesOnce }) => copiesOnce !== true,
  "completes once": ({ completesOnce }) => completesOnce !== true,
  "unsigned headers": none,
} as const satisfies Readonly<Record<string, (store: StoreCapabilities) => boolean>>;

/** All abilities, in the order in which titles name them: one that needs another comes after it. */
export const ABILITIES = Object.keys(LACKS) as ReadonlyArray<Ability>;

/**
 * The abilities that a certificate decides, each after those on which it may depend; of the others the
 * table of providers says.
 */
export const CERTIFIED = [
  "multipart",
  "part sha256",
  "part crc32c",
  "part md5",
  "replaced parts",
  "copies",
  "copies once",
  "completes once",
  "sha256",
  "crc32c",
  "md5",
  "file checksums",
  "write-once",
] as const satisfies ReadonlyArray<Ability>;

/** The same where each may be signed for or not, as on Azure. */
export const BINDABLE: ReadonlyArray<Ability> = ["bound type", "bound size", "md5", "write-once"];

export const missingAbilities = (store: StoreCapabilities): ReadonlyArray<Ability> =>
  ABILITIES.filter((ability) => LACKS[ability](store));
