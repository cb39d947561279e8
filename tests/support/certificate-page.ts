import { type Certificate, digestOf } from "../../adapters/storage/certificate/certificate.ts";
import { provedBy } from "../../adapters/storage/certificate/proved.ts";
import standsOn from "../../adapters/storage/certificate/stands-on.json" with { type: "json" };
import { type ProviderName, PROVIDERS } from "../../adapters/storage/s3/providers.ts";
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
export function certificatePage(
  store: string,
  ...certificates: ReadonlyArray<Certificate>
): string {
  const { adapter, provider, server = "" } = certificates[0] ?? {};
  const { title = isProvider(store) ? PROVIDERS[store].title : undefined, text = "" } =
    ABOUT[store] ?? {};
  if (title === undefined) throw new Error(`there is no provider ${store}`);
  if (certificates.some((each) => each.digest !== digestOf(each))) {
    throw new Error("a certificate was changed since it was written");
  }
  return `# ${title} ${server}

${text}

Tried as \`${provider === undefined ? `STORAGE_ADAPTER=${adapter}` : `STORAGE_PROVIDER=${provider}`}\`: ${certificates.map((each) => summary(store, each)).join("; ")}.

${lacks(certificates)}`;
}

function summary(name: string, { promises, date, state }: Certificate): string {
  const { versions, lock, rules } = state;
  const count = (wanted: string) => promises.filter(({ outcome }) => outcome === wanted).length;
  const rest = [lock && `locked for ${lock}`, ...rules].filter(Boolean).join("; ");
  return `[a bucket ${STATES[versions]}](../../adapters/storage/certificate/stores/${name}${versions === "kept" ? ".versions" : ""}.json)${rest && ` (${rest})`} on ${date}, promises kept: ${count("kept")}, broken: ${count("broken")}`;
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
  const lines = [...Map.groupBy(found, ({ lack }) => lack)].map(([lack, those]) => {
    const [first] = those;
    const where =
      those.length < certificates.length && first
        ? ` (${STATES[first.certificate.state.versions]})`
        : "";
    return { lack, why: `${first?.reason}${where}` };
  });
  // Several abilities may lack for one reason.
  const items = [...Map.groupBy(lines, ({ why }) => why)].map(
    ([why, those]) => `- ${those.map(({ lack }) => lack).join(", ")}: ${why}\n`,
  );
  return items.length === 0 ? "" : `Not proved:\n\n${items.join("")}`;
}

function reasons(certificate: Certificate): ReadonlyArray<readonly [string, string]> {
  const { promises } = certificate;
  const proved = provedBy(promises, standsOn.abilities);
  const abilities = Object.entries(standsOn.abilities)
    .filter(([ability]) => !proved.some((each) => each === ability))
    .map(([ability, titles]) => {
      const failed = promises
        .filter(({ promise, outcome }) => outcome !== "kept" && titles.includes(promise))
        .toSorted((a, b) => a.outcome.localeCompare(b.outcome))[0];
      if (failed?.outcome !== "broken") return [ability, "not tried"] as const;
      return [
        ability,
        `broken, ${failed.promise.replace(/^(?:sha256|crc32c|md5): (?:a part of )?other bytes.*/, "other bytes are stored")}`,
      ] as const;
    });
  // The text of the page tells of them; a server that is for tests alone may have thirty.
  const [danger, ...more] = dangersIn(certificate);
  const dangers = more.length === 0 ? danger : `${danger}, and ${more.length} like it`;
  return [...(dangers === undefined ? [] : [[dangers, "broken"] as const]), ...abilities];
}
