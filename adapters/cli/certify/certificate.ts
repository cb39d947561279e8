import * as Arr from "effect/Array";
import type { Finding } from "../../contract/running/examine.ts";
import type { Ability } from "../../../application/ports/abilities.ts";
import type { Certificate, CertifiedPromise } from "../../storage/certificate/certificate.ts";
import { acceptBroken } from "../../storage/certificate/read.ts";
import { provedBy } from "../../storage/certificate/proved.ts";
import type { Decided } from "../../storage/known.ts";

export const SITE = "https://github.com/valetkey/valetkey";
const OUTCOMES = ["kept", "broken", "not tried"] as const;

/** Writes a certificate for a person. */
export function asText(certificate: Certificate, findings: ReadonlyArray<Finding>): string {
  const { promises, state, answers: _, ...facts } = certificate;
  const known = { ...facts, ...stateText(state) };
  const lines = Object.entries(known).map(
    ([name, value]) => `${`${name.charAt(0).toUpperCase()}${name.slice(1)}`.padEnd(10)} ${value}\n`,
  );
  const counts = OUTCOMES.map(
    (outcome) => `${outcome}: ${promises.filter((each) => each.outcome === outcome).length}`,
  );
  const outcomes = findings.map((finding) => {
    const lack = finding.needs === undefined ? "" : ` (of ${finding.needs}, which is not used)`;
    const line = `${finding.outcome.padEnd(9)} ${finding.promise}${finding.outcome === "kept" ? "" : lack}\n`;
    return line + indented(finding.why ?? "", 10);
  });
  return `${lines.join("")}\nPromises ${counts.join("; ")}.\n\n${outcomes.join("")}`;
}

/** Writes a certificate as JSON, with a line for each promise and each answer. */
export function asLines(certificate: Certificate): string {
  const members = Object.entries(certificate).map(([name, value]) => {
    const lines = Array.isArray(value) && value.map((each) => `    ${JSON.stringify(each)}`);
    return `  "${name}": ${lines ? `[\n${lines.join(",\n")}\n  ]` : JSON.stringify(value)}`;
  });
  return `{\n${members.join(",\n")}\n}\n`;
}

/** Names the promises that every store must keep, and that this one breaks; empty if there are none. */
export function dangers(broken: ReadonlyArray<string>): string {
  if (broken.length === 0) return "";
  const titles = broken.map((title) => `  ${title}\n`).join("");
  return `\nDANGER: this store breaks what every store must keep:\n${titles}Close that, or use another store. A service does not start with this certificate, unless ${acceptBroken.variable}=on says that you know.\n`;
}

const stateText = ({ versions, lock, rules }: Certificate["state"]) => ({
  versions,
  ...(lock !== undefined && { lock }),
  ...(rules.length > 0 && { rules: rules.join("; ") }),
});

export const leftMessage = (left: ReadonlyArray<string>): string =>
  left.length === 0
    ? ""
    : `\nThis could not be removed again:\n${left.map((what) => `  ${what}\n`).join("")}`;

/** Other names of abilities, for the person who configures the service. */
const WORDS: Readonly<Partial<Record<Ability, string>>> = {
  multipart: "files in parts",
  copies: 'incoming (arrival: "incoming", with content checks, scans and metadata)',
  "copies once": "incoming that is final at once",
  "completes once": "files in parts that are final at once",
  "file checksums": "the CRC-32C of a whole file in parts",
  "replaced parts": "parts that may be sent again in any way",
  "scoped credentials": "temporary credentials for tools (credentials: true)",
};

/**
 * Says what the service can do with a certificate, and what not; `documented` abilities need none.
 */
export function gains(
  decided: Decided,
  promises: ReadonlyArray<CertifiedPromise>,
  documented: ReadonlyArray<Ability>,
): string {
  const proved = provedBy(promises, decided);
  const groups = Arr.groupBy(Object.keys(decided) as ReadonlyArray<Ability>, (ability) => {
    const isKnown = documented.includes(ability);
    if (proved.includes(ability)) return isKnown ? "Possible" : "Possible by this certificate";
    return isKnown ? "Not possible any more" : "Not possible";
  });
  const lines = Object.entries(groups).map(
    ([what, names]) => `${what}: ${names.map((name) => WORDS[name] ?? name).join(", ")}.\n`,
  );
  return `\n${lines.join("")}`;
}

/** The differences between two certificates of a store, a line each. */
export function changes(before: Certificate, now: Certificate): ReadonlyArray<string> {
  const old = new Map(before.promises.map((each) => [each.promise, each.outcome]));
  const current = new Set(now.promises.map(({ promise }) => promise));
  const facts = (["server", "endpoint", "region", "bucket", "contract"] as const)
    .filter((name) => before[name] !== now[name])
    .map((name) => `${name}: was ${before[name] ?? "none"}, is ${now[name] ?? "none"}`);
  const [then, since] = [before, now].map(({ state }) =>
    Object.values(stateText(state)).join(", "),
  );
  return [
    ...facts,
    ...(then === since ? [] : [`bucket: was ${then}, is ${since}`]),
    ...now.promises.flatMap(({ promise, outcome, why }) => {
      const was = old.get(promise);
      if (was === outcome) return [];
      const reason = why === undefined ? "" : ` (${why.split("\n")[0]})`;
      return `${outcome}, ${was === undefined ? "and new" : `was ${was}`}: ${promise}${reason}`;
    }),
    ...before.promises
      .filter(({ promise }) => !current.has(promise))
      .map(({ promise, outcome }) => `no promise any more, was ${outcome}: ${promise}`),
  ];
}

/** Indents the lines of a text that is not empty, and ends it with a line break. */
const indented = (text: string, by: number): string =>
  text === "" ? "" : `${text.replaceAll(/^(?=.)/gm, " ".repeat(by))}\n`;
