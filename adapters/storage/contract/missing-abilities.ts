import type { Provider } from "../providers.ts";
import type { Ability } from "./harness.ts";

/** The abilities that a provider of the S3 API lacks, by the table of providers. */
export const missingAbilities = ({
  checksums,
  writeOnce,
  partChecksums,
  fileChecksums,
  keepsReplacedParts,
  forms,
  copies,
}: Provider): ReadonlyArray<Ability> => [
  ...(["sha256", "crc32c", "md5"] as const).filter((name) => !checksums.includes(name)),
  ...(writeOnce ? [] : (["write-once"] as const)),
  ...(partChecksums === undefined ? (["multipart"] as const) : []),
  ...(fileChecksums === undefined ? (["file checksums"] as const) : []),
  ...(keepsReplacedParts === true ? (["replaced parts"] as const) : []),
  ...(forms ? [] : (["forms"] as const)),
  ...(copies ? [] : (["copies"] as const)),
];
