import { existsSync, readFileSync } from "node:fs";
import type { Certificate } from "../../adapters/storage/certificate/certificate.ts";
import { provedBy } from "../../adapters/storage/certificate/proved.ts";
import standsOn from "../../adapters/storage/certificate/stands-on.json" with { type: "json" };
import certified from "../../adapters/storage/certificate/certified.json" with { type: "json" };
import { PROVIDERS } from "../../adapters/storage/s3/providers.ts";

export const CERTIFICATES = new URL("../../adapters/storage/certificate/stores/", import.meta.url);

interface CertifiedStore {
  readonly server: string;
  readonly date: string;
  readonly abilities: ReadonlyArray<string>;
  readonly withoutVersions: ReadonlyArray<string>;
}
type Certified = Readonly<Record<string, CertifiedStore>>;

/**
 * The abilities of each provider that has a certificate, for
 * `adapters/storage/certificate/certified.json`: `NAME.json` of a bucket without versions, and
 * `NAME.versions.json` of one that keeps them. One without the second is bound to the first state.
 */
export function certifiedStores(): Certified {
  const before: Certified = certified;
  return Object.fromEntries(
    Object.keys(PROVIDERS).flatMap((name) => {
      // Buckets of some stores always keep versions.
      const plain = readCertificate(name) ?? readCertificate(`${name}.versions`);
      if (plain === undefined) return before[name] ? [[name, before[name]]] : [];
      const proved = provedBy(plain.promises, standsOn.abilities);
      const kept = provedBy(
        readCertificate(`${name}.versions`)?.promises ?? [],
        standsOn.abilities,
      );
      return [
        [
          name,
          {
            server: plain.server ?? "",
            date: plain.date,
            abilities: proved.filter(
              (ability) => !MAY_DEPEND.has(ability) || kept.includes(ability),
            ),
            withoutVersions: proved.filter(
              (ability) => MAY_DEPEND.has(ability) && !kept.includes(ability),
            ),
          },
        ],
      ];
    }),
  );
}

/** The abilities for which it matters whether a bucket keeps versions. */
const MAY_DEPEND: ReadonlySet<string> = new Set([
  "write-once",
  "copies",
  "copies once",
  "completes once",
]);

/** The certificates of a store, of a bucket without versions first. */
export const certificatesOf = (store: string): ReadonlyArray<Certificate> =>
  [store, `${store}.versions`].flatMap((name) => readCertificate(name) ?? []);

function readCertificate(name: string): Certificate | undefined {
  const file = new URL(`${name}.json`, CERTIFICATES);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}
