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

Tried with Valetkey ${valetkey}, \`${name === "gcs" ? "STORAGE_ADAPTER" : "STORAGE_PROVIDER"}=${name}\`.

${certificates.map(section).join("")}`;
}

function section({ promises, date, state: { versions, lock, rules } }: Certificate): string {
  const having = (wanted: string) => promises.filter(({ outcome }) => outcome === wanted);
  const items = (wanted: string) =>
    having(wanted).map(({ promise }) => {
      const ability = ABILITY_OF.get(promise);
      return `- ${promise}${ability === undefined ? "" : ` (${ability})`}\n`;
    });
  const state = [lock && `locked for ${lock}`, ...rules].filter(Boolean).join("; ");
  const list = (label: string, wanted: string) =>
    having(wanted).length === 0 ? "" : `${label}:\n\n${items(wanted).join("")}\n`;
  return `## ${HEADINGS[versions]}

On ${date}${state && ` (${state})`}. Promises kept: ${having("kept").length}; broken: ${having("broken").length}; not tried: ${having("not tried").length}.

Proved: ${provedBy(promises, standsOn.abilities).join(", ") || "nothing"}.

${list("Broken", "broken")}${list("Not tried", "not tried")}`;
}

const HEADINGS: Readonly<Record<Certificate["state"]["versions"], string>> = {
  none: "A bucket without versions",
  kept: "A bucket that keeps versions",
  suspended: "A bucket whose versions are suspended",
  unknown: "A bucket of which it is unknown whether it keeps versions",
};
