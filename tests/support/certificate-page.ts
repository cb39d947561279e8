import { type Certificate, digestOf } from "../../adapters/storage/certificate/certificate.ts";
import { provedBy } from "../../adapters/storage/certificate/proved.ts";
import standsOn from "../../adapters/storage/certificate/stands-on.json" with { type: "json" };
import { type ProviderName, PROVIDERS } from "../../adapters/storage/providers.ts";
import { ABOUT } from "./store-dangers.ts";

const ABILITY_OF = new Map(
  Object.entries(standsOn.abilities).flatMap(([ability, promises]) =>
    promises.map((promise) => [promise, ability] as const),
  ),
);

const isProvider = (name: string): name is ProviderName => Object.hasOwn(PROVIDERS, name);

/** The promises that are broken and stand for no ability, so that the service relies on them. */
export const dangersIn = ({ promises }: Certificate): ReadonlyArray<string> =>
  promises
    .filter(({ outcome, promise }) => outcome === "broken" && !ABILITY_OF.has(promise))
    .map(({ promise }) => promise);

/** The page of a store by its certificates alone, of which the first is of a bucket without versions. */
export function certificatePage(...certificates: ReadonlyArray<Certificate>): string {
  const [first] = certificates;
  const { adapter = "", provider: name = adapter, server = "", valetkey } = first ?? {};
  if (first === undefined || !(isProvider(name) || name === "gcs")) {
    throw new Error(`there is no provider ${name}`);
  }
  if (certificates.some((each) => each.digest !== digestOf(each))) {
    throw new Error("a certificate was changed since it was written");
  }
  const title = name === "gcs" ? "Google Cloud Storage" : PROVIDERS[name].title;
  return `# ${title} ${server}

${(name !== "gcs" && ABOUT[name]?.text) || ""}

Tried with Valetkey ${valetkey}, \`${name === "gcs" ? "STORAGE_ADAPTER" : "STORAGE_PROVIDER"}=${name}\`, ${certificates.map((each) => summary(name, each)).join("; ")}.

${lacks(certificates)}`;
}

function summary(name: string, { promises, date, state }: Certificate): string {
  const { versions, lock, rules } = state;
  const count = (wanted: string) => promises.filter(({ outcome }) => outcome === wanted).length;
  const rest = [lock && `locked for ${lock}`, ...rules].filter(Boolean).join("; ");
  return `on ${date} in [a bucket ${STATES[versions]}](${name}${versions === "kept" ? ".versions" : ""}.json)${rest && ` (${rest})`}: promises kept: ${count("kept")}, broken: ${count("broken")}, not tried: ${count("not tried")}`;
}

const STATES: Readonly<Record<Certificate["state"]["versions"], string>> = {
  none: "without versions",
  kept: "that keeps versions",
  suspended: "whose versions are suspended",
  unknown: "of which it is unknown whether it keeps versions",
};

/** Lists what is not proved, with the first promise that is the reason, and where if not everywhere. */
function lacks(certificates: ReadonlyArray<Certificate>): string {
  const found = certificates.flatMap((certificate) =>
    reasons(certificate).map(([lack, reason]) => ({ lack, reason, certificate })),
  );
  const items = [...Map.groupBy(found, ({ lack }) => lack)].map(([lack, those]) => {
    const [first] = those;
    const where =
      those.length < certificates.length && first
        ? `, ${STATES[first.certificate.state.versions]}`
        : "";
    return `- ${lack}${where}: ${first?.reason}\n`;
  });
  return items.length === 0 ? "" : `Not proved:\n\n${items.join("")}`;
}

function reasons(certificate: Certificate): ReadonlyArray<readonly [string, string]> {
  const { promises } = certificate;
  const proved = provedBy(promises, standsOn.abilities);
  const abilities = Object.entries(standsOn.abilities)
    .filter(([ability]) => !proved.includes(ability))
    .map(([ability, titles]) => {
      const failed = promises
        .filter(({ promise, outcome }) => outcome !== "kept" && titles.includes(promise))
        .toSorted((a, b) => a.outcome.localeCompare(b.outcome))[0];
      return [ability, failed ? `${failed.outcome}, ${failed.promise}` : "not tried"] as const;
    });
  const dangers = dangersIn(certificate).map((promise) => [promise, "broken"] as const);
  return [...dangers, ...abilities];
}
