import type { StoreCapabilities } from "../../../application/ports/store-capabilities.ts";
import type { ChecksumAlgorithm } from "../../../domain/checksum.ts";
import certified from "../certified.json" with { type: "json" };
import type { BucketState, Certificate } from "./certificate.ts";

/** The abilities that a certificate decides, as the contract names them. */
export type ProvableAbility =
  | ChecksumAlgorithm
  | `part ${ChecksumAlgorithm}`
  | "write-once"
  | "multipart"
  | "copies once"
  | "completes once"
  | "replaced parts"
  | "file checksums"
  | "copies";

/** What a certificate decides of a provider; the rest of its row says how it is spoken to. */
export interface Proved extends Pick<
  StoreCapabilities,
  | "checksums"
  | "writeOnce"
  | "copies"
  | "largestMultipart"
  | "partChecksums"
  | "fileChecksums"
  | "keepsReplacedParts"
  | "copiesOnce"
  | "completesOnce"
  | "unproved"
> {
  /** Of a PUT, in the facts of the object. */
  readonly reports: ReadonlyArray<ChecksumAlgorithm>;
  /** The state of the bucket in which alone some abilities were proved; every state if left out. */
  readonly boundTo?: BoundTo | undefined;
  /** Of the server, as the certificate names it; left out if nobody has certified it. */
  readonly certified?: { readonly server: string; readonly date: string };
}

/** A state of a bucket; writing once, completing once and copying may hold in it alone. */
export interface BoundTo {
  /** A bucket that keeps no versions may have kept some; `unknown` is a store that does not say. */
  readonly versions: "none" | "kept" | "unknown";
  /** Those that do not hold in another state. */
  readonly abilities: ReadonlySet<ProvableAbility>;
}

export const stateOf = ({ versions }: Pick<BucketState, "versions">): BoundTo["versions"] =>
  versions === "suspended" ? "none" : versions;

const ALGORITHMS: ReadonlyArray<ChecksumAlgorithm> = ["sha256", "crc32c", "md5"];

/** "Amazon S3 multipart upload limits", Amazon S3 User Guide. */
export const LARGEST_MULTIPART: number = 5 * 2 ** 40;

export function capabilitiesOf(abilities: Iterable<string>, boundTo?: BoundTo): Proved {
  const all: ReadonlySet<string> = new Set(abilities);
  const has = (ability: ProvableAbility) => all.has(ability);
  const checksums = ALGORITHMS.filter(has);
  const makesParts = has("multipart");
  const isOnlyWithoutVersions = boundTo?.versions === "none" && boundTo.abilities.has("write-once");
  return {
    checksums,
    reports: checksums.filter((algorithm) => algorithm !== "md5"),
    writeOnce: has("write-once") && (isOnlyWithoutVersions ? "without versions" : true),
    copies: has("copies"),
    copiesOnce: has("copies once"),
    completesOnce: has("completes once"),
    largestMultipart: makesParts ? LARGEST_MULTIPART : undefined,
    partChecksums: makesParts
      ? ALGORITHMS.filter((algorithm) => has(`part ${algorithm}`))
      : undefined,
    fileChecksums: makesParts && has("file checksums") ? ["crc32c"] : undefined,
    keepsReplacedParts: !has("replaced parts"),
    boundTo,
  };
}

/**
 * The abilities that a certificate proves, by the promises on which each stands. Parts that were not
 * tried are offered, as without a certificate.
 */
export function provedBy(
  promises: Certificate["promises"],
  standsOn: Readonly<Record<string, ReadonlyArray<string>>>,
): ReadonlyArray<string> {
  const outcomes = new Map(promises.map(({ promise, outcome }) => [promise, outcome]));
  return Object.entries(standsOn)
    .filter(([ability, titles]) =>
      ability === "multipart"
        ? titles.every((title) => outcomes.get(title) !== "broken")
        : titles.length > 0 && titles.every((title) => outcomes.get(title) === "kept"),
    )
    .map(([ability]) => ability);
}

/** The promises that a certificate shows to be broken, of those that every store must keep. */
export const brokenIn = (
  promises: Certificate["promises"],
  every: ReadonlyArray<string>,
): ReadonlyArray<string> =>
  every.filter((title) =>
    promises.some(({ promise, outcome }) => promise === title && outcome === "broken"),
  );

/** Abilities of a server that is certified in the repository. */
export function certifiedAs(name: keyof typeof certified): Proved {
  const { abilities, withoutVersions, server, date } = certified[name];
  const bound = new Set(withoutVersions as ReadonlyArray<ProvableAbility>);
  return {
    ...capabilitiesOf(
      [...abilities, ...withoutVersions],
      bound.size === 0 ? undefined : { versions: "none", abilities: bound },
    ),
    certified: { server, date },
    unproved: `that is not proved of version ${server}`,
  };
}
