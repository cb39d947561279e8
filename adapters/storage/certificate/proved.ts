import type { Abilities, Ability } from "../../../application/ports/abilities.ts";
import type { BoundTo, Decided, Known } from "../known.ts";
import certified from "./certified.json" with { type: "json" };
import type { BucketState, Certificate } from "./certificate.ts";
import standsOn from "./stands-on.json" with { type: "json" };

export const stateOf = ({ versions }: Pick<BucketState, "versions">): BoundTo["versions"] =>
  versions === "suspended" ? "none" : versions;

const { "scoped credentials": scoped = [] }: Decided = standsOn.abilities;
const SCOPED: Decided = { "scoped credentials": scoped };

/** The decided abilities of S3's stores, and of those with an API of their own. */
export const DECIDED: Readonly<Record<"s3" | "azure" | "gcs", Decided>> = {
  s3: standsOn.abilities,
  azure: { ...standsOn.bound, ...SCOPED },
  gcs: SCOPED,
};

/** Returns a store's abilities, with the decided ones replaced by the proved ones. */
export const withProved = (
  documented: Abilities,
  decided: Decided,
  { abilities, boundTo, unproved }: Known,
): Known => ({
  boundTo,
  unproved,
  abilities: new Set([
    ...[...documented].filter((ability) => !Object.hasOwn(decided, ability)),
    ...abilities,
  ]),
});

/**
 * Returns the abilities that a certificate proves, by the promises on which each stands. Untried
 * parts are offered, as without a certificate.
 */
export function provedBy(
  promises: Certificate["promises"],
  decided: Decided,
): ReadonlyArray<Ability> {
  const outcomes = new Map(promises.map(({ promise, outcome }) => [promise, outcome]));
  return (Object.entries(decided) as ReadonlyArray<[Ability, ReadonlyArray<string>]>)
    .filter(([ability, titles]) =>
      ability === "multipart"
        ? titles.every((title) => outcomes.get(title) !== "broken")
        : titles.length > 0 && titles.every((title) => outcomes.get(title) === "kept"),
    )
    .map(([ability]) => ability);
}

/** Returns the broken promises in a certificate, of those that every store must keep. */
export const brokenIn = (
  promises: Certificate["promises"],
  every: ReadonlyArray<string>,
): ReadonlyArray<string> =>
  every.filter((title) =>
    promises.some(({ promise, outcome }) => promise === title && outcome === "broken"),
  );

/** A server with a certificate in the repository. */
export interface CertifiedServer extends Known {
  /** As the certificate names it. */
  readonly certified: { readonly server: string; readonly date: string };
}

/** Returns a certified server's abilities; those that no certificate decides are documented. */
export function certifiedAs(name: keyof typeof certified, documented: Abilities): CertifiedServer {
  const { server, date, ...proved } = certified[name];
  const bound = new Set(proved.withoutVersions as ReadonlyArray<Ability>);
  return {
    ...withProved(documented, DECIDED.s3, {
      abilities: new Set([...(proved.abilities as ReadonlyArray<Ability>), ...bound]),
      boundTo: bound.size === 0 ? undefined : { versions: "none", abilities: bound },
      unproved: `that is not proved of version ${server}`,
    }),
    certified: { server, date },
  };
}
