import type { Exchange } from "../storage/contract/exchange.ts";
import type { Finding } from "../storage/contract/examine.ts";

/** What a store keeps of the promises, and when that was seen. */
export interface Certificate {
  /** Its name, as it was given or as it is configured. */
  readonly store: string;
  /** What it calls itself in its answers. */
  readonly server?: string;
  /** The day, such as `2026-11-25`, in UTC. */
  readonly date: string;
  /** The version of Valetkey. */
  readonly valetkey: string;
  readonly adapter: string;
  readonly provider?: string;
  /** Whether its bucket keeps versions, for which the certificate holds. */
  readonly bucket?: string;
  readonly promises: ReadonlyArray<Finding>;
  /** What could not be removed again. */
  readonly left: ReadonlyArray<string>;
}

/** How a certificate can be written. */
export const FORMATS = ["text", "markdown", "json"] as const;
export type Format = (typeof FORMATS)[number];

/** The certificate as it is printed. */
export const write = (certificate: Certificate, format: Format): string =>
  WRITERS[format](certificate);

const WRITERS = {
  text: asText,
  markdown: asMarkdown,
  json: (certificate: Certificate) => `${JSON.stringify(certificate, null, 2)}\n`,
};

/** How many promises had each outcome. */
export function summary({ promises }: Certificate): string {
  const count = (outcome: Finding["outcome"]) =>
    promises.filter((finding) => finding.outcome === outcome).length;
  return `Promises kept: ${count("kept")}; not kept: ${count("not kept")}; not offered: ${count("not offered")}.`;
}

function asText(certificate: Certificate): string {
  const facts = factsOf(certificate).map(([name, value]) => `${name.padEnd(10)} ${value}\n`);
  const lines = certificate.promises
    .filter(({ outcome }) => outcome !== "not offered")
    .map((finding) => {
      const line = `${finding.outcome.padEnd(12)} ${finding.promise}\n`;
      return line + indented(evidenceIn(finding), 13);
    });
  const missing = notOffered(certificate).map((line) => `not offered  ${line}\n`);
  const left = certificate.left.map((what) => `  ${what}\n`).join("");
  return `${facts.join("")}
${summary(certificate)}

${lines.join("")}${missing.join("")}${left && `\nThis could not be removed again:\n${left}`}`;
}

function asMarkdown(certificate: Certificate): string {
  const facts = factsOf(certificate).slice(1);
  const withOutcome = (outcome: Finding["outcome"]) =>
    certificate.promises
      .filter((finding) => finding.outcome === outcome)
      .map((finding) => {
        const evidence = evidenceIn(finding).replaceAll("```", "'''");
        const block = evidence === "" ? "" : `\n\n  \`\`\`text\n${indented(evidence, 2)}  \`\`\`\n`;
        return `${escaped(finding.promise)}${block}`;
      });
  const sections = [
    `# ${escaped(certificate.store)}`,
    facts.map(([name, value]) => `- ${name}: ${escaped(value)}`).join("\n"),
    summary(certificate),
    ...section("Not kept", withOutcome("not kept")),
    ...section("Kept", withOutcome("kept")),
    ...section("Not offered", notOffered(certificate).map(escaped)),
    ...section("Not removed", certificate.left.map(escaped)),
  ];
  return `${sections.map((section) => section.trimEnd()).join("\n\n")}\n`;
}

const section = (title: string, items: ReadonlyArray<string>) =>
  items.length === 0 ? [] : [`## ${title}\n\n${items.map((item) => `- ${item}`).join("\n")}`];

/** A line for each ability that is not offered. */
function notOffered({ promises }: Certificate): ReadonlyArray<string> {
  const missing = promises.filter(({ outcome }) => outcome === "not offered");
  return [...Map.groupBy(missing, ({ needs }) => needs ?? "")].map(([ability, findings]) => {
    const failed = findings.find(({ wouldKeep }) => wouldKeep === false);
    if (failed !== undefined) return `${ability}: not kept when it was tried ("${failed.promise}")`;
    const isTried = findings.every(({ wouldKeep }) => wouldKeep !== undefined);
    return `${ability}: ${isTried ? "kept when it was tried" : "not tried"}`;
  });
}

const factsOf = (certificate: Certificate): ReadonlyArray<readonly [string, string]> => [
  ["Store", certificate.store],
  ...(certificate.server === undefined ? [] : [["Server", certificate.server] as const]),
  ["Date", certificate.date],
  ["Valetkey", certificate.valetkey],
  ["Adapter", certificate.adapter],
  ...(certificate.provider === undefined ? [] : [["Provider", certificate.provider] as const]),
  ...(certificate.bucket === undefined ? [] : [["Bucket", certificate.bucket] as const]),
];

/** What happened instead of what was promised, a line each. */
const evidenceIn = ({ reason, exchanges = [] }: Finding): string =>
  reason === undefined ? "" : [reason, ...exchanges.map(linesOf)].join("\n");

const linesOf = ({ method, path, headers, answer }: Exchange): string =>
  [
    `${method} ${path}`,
    ...headerLines(headers),
    `-> ${answer.status}${answer.code === undefined ? "" : ` ${answer.code}`}`,
    ...headerLines(answer.headers),
  ].join("\n");

const headerLines = (headers: Exchange["headers"]) =>
  Object.entries(headers).map(([name, value]) => `   ${name}: ${value}`);

/** The lines of a text, each behind some blanks and with its end; nothing for no text. */
const indented = (text: string, by: number): string =>
  text === ""
    ? ""
    : text
        .split("\n")
        .map((line) => (line === "" ? "\n" : `${" ".repeat(by)}${line}\n`))
        .join("");

/** Text of ours or of a server, which means nothing to Markdown. */
const escaped = (text: string): string => text.replaceAll(/[\\`*_<>[\]]/g, "\\$&");
