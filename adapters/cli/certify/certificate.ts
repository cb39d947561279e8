import { asJson } from "../command/command.ts";
import type { Exchange } from "../../contract/exchange.ts";
import type { Finding, Findings } from "../../contract/examine.ts";

/** The promises that a store keeps, and when that was seen. */
export interface Certificate extends Pick<Findings, "server" | "left"> {
  /** Its name, as it was given or as it is configured. */
  readonly store: string;
  /** The day, such as `2026-11-25`, in UTC. */
  readonly date: string;
  readonly valetkey: string;
  readonly adapter: string;
  readonly provider: string | undefined;
  /** The versioning of its bucket, for which the certificate holds. */
  readonly bucket: string | undefined;
  readonly promises: ReadonlyArray<Finding>;
}

export const FORMATS = ["text", "markdown", "json"] as const;

export const WRITERS = { text: asText, markdown: asMarkdown, json: asJson };

const withOutcome = ({ promises }: Certificate, wanted: Finding["outcome"]) =>
  promises.filter(({ outcome }) => outcome === wanted);

export const summary = (certificate: Certificate): string => {
  const count = (outcome: Finding["outcome"]) => withOutcome(certificate, outcome).length;
  return `Promises kept: ${count("kept")}; not kept: ${count("not kept")}; not offered: ${count("not offered")}.`;
};

function asText(certificate: Certificate): string {
  const facts = namedFacts(certificate).map(([name, value]) => `${name.padEnd(10)} ${value}\n`);
  const lines = certificate.promises
    .filter(({ outcome }) => outcome !== "not offered")
    .map((finding) => {
      const line = `${finding.outcome.padEnd(12)} ${finding.promise}\n`;
      return line + indented(evidenceIn(finding), 13);
    });
  const missing = notOffered(certificate).map((line) => `not offered  ${line}\n`);
  return `${facts.join("")}
${summary(certificate)}

${lines.join("")}${missing.join("")}${leftMessage(certificate.left)}`;
}

export const leftMessage = (left: ReadonlyArray<string>): string =>
  left.length === 0
    ? ""
    : `\nThis could not be removed again:\n${left.map((what) => `  ${what}\n`).join("")}`;

function asMarkdown(certificate: Certificate): string {
  const [, ...facts] = namedFacts(certificate);
  const findings = (outcome: Finding["outcome"]) =>
    withOutcome(certificate, outcome).map((finding) => {
      const evidence = indented(evidenceIn(finding).replaceAll("```", "'''"), 2);
      const block = evidence && `\n\n  \`\`\`text\n${evidence}  \`\`\`\n`;
      return `${escaped(finding.promise)}${block}`;
    });
  const sections = [
    `# ${escaped(certificate.store)}`,
    facts.map(([name, value]) => `- ${name}: ${escaped(value)}`).join("\n"),
    summary(certificate),
    ...section("Not kept", findings("not kept")),
    ...section("Kept", findings("kept")),
    ...section("Not offered", notOffered(certificate).map(escaped)),
    ...section("Not removed", certificate.left.map(escaped)),
  ];
  return `${sections.map((section) => section.trimEnd()).join("\n\n")}\n`;
}

const section = (title: string, items: ReadonlyArray<string>) =>
  items.length === 0 ? [] : [`## ${title}\n\n${items.map((item) => `- ${item}`).join("\n")}`];

function notOffered(certificate: Certificate): ReadonlyArray<string> {
  const missing = Map.groupBy(withOutcome(certificate, "not offered"), ({ needs }) => needs ?? "");
  return [...missing].map(([ability, findings]) => {
    const failed = findings.find(({ wouldKeep }) => wouldKeep === false);
    if (failed !== undefined) return `${ability}: not kept when it was tried ("${failed.promise}")`;
    const isTried = findings.every(({ wouldKeep }) => wouldKeep !== undefined);
    return `${ability}: ${isTried ? "kept when it was tried" : "not tried"}`;
  });
}

const namedFacts = (certificate: Certificate) =>
  Object.entries(certificate).flatMap(([name, value]): ReadonlyArray<[string, string]> =>
    typeof value === "string" ? [[name.charAt(0).toUpperCase() + name.slice(1), value]] : [],
  );

/** The differences from a promise, a line each. */
function evidenceIn({ reason, exchanges = [] }: Finding): string {
  if (reason === undefined) return "";
  const lines = exchanges.flatMap(({ method, path, headers, answer }) => [
    `${method} ${path}`,
    ...headerLines(headers),
    `-> ${answer.status}${answer.code === undefined ? "" : ` ${answer.code}`}`,
    ...headerLines(answer.headers),
  ]);
  return [reason, ...lines].join("\n");
}

const headerLines = (headers: Exchange["headers"]) =>
  Object.entries(headers).map(([name, value]) => `   ${name}: ${value}`);

/** Indents the lines of a text that is not empty, and ends it with a line break. */
const indented = (text: string, by: number): string =>
  text === "" ? "" : `${text.replaceAll(/^(?=.)/gm, " ".repeat(by))}\n`;

const escaped = (text: string): string => text.replaceAll(/[\\`*_<>[\]]/g, "\\$&");
