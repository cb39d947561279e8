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

/** How many promises had each outcome, as a sentence. */
export function summary({ promises }: Certificate): string {
  const count = (outcome: Finding["outcome"]) =>
    promises.filter((finding) => finding.outcome === outcome).length;
  return `${count("kept")} promises are kept, ${count("not kept")} are not kept, and ${count("not offered")} are not offered.`;
}

function asText(certificate: Certificate): string {
  const facts = factsOf(certificate).map(([name, value]) => `${name.padEnd(10)} ${value}\n`);
  const lines = certificate.promises.map((finding) => {
    const line = `${finding.outcome.padEnd(12)} ${finding.promise}${remarkOn(finding)}\n`;
    return line + indented(evidenceIn(finding), 13);
  });
  const left = certificate.left.map((what) => `  ${what}\n`).join("");
  return `${facts.join("")}
${summary(certificate)}

${lines.join("")}${left && `\nThis could not be removed again:\n${left}`}`;
}

function asMarkdown(certificate: Certificate): string {
  const { promises, left } = certificate;
  const facts = factsOf(certificate).slice(1);
  const section = (title: string, outcome: Finding["outcome"]) => {
    const found = promises.filter((finding) => finding.outcome === outcome);
    if (found.length === 0) return "";
    const items = found.map((finding) => {
      const evidence = evidenceIn(finding);
      const block = evidence === "" ? "" : `\n\n  \`\`\`text\n${indented(evidence, 2)}  \`\`\`\n`;
      return `- ${escaped(finding.promise)}${remarkOn(finding)}${block}`;
    });
    return `\n## ${title}\n\n${items.join("\n")}\n`;
  };
  return `# ${certificate.store}

${facts.map(([name, value]) => `- ${name}: ${value}`).join("\n")}

${summary(certificate)}
${section("Not kept", "not kept")}${section("Kept", "kept")}${section("Not offered", "not offered")}${
    left.length === 0
      ? ""
      : `\n## Not removed\n\n${left.map((what) => `- ${escaped(what)}\n`).join("")}`
  }`.replaceAll(/\n{3,}/g, "\n\n");
}

const factsOf = (certificate: Certificate): ReadonlyArray<readonly [string, string]> => [
  ["Store", certificate.store],
  ...(certificate.server === undefined ? [] : [["Server", certificate.server] as const]),
  ["Date", certificate.date],
  ["Valetkey", certificate.valetkey],
  ["Adapter", certificate.adapter],
  ...(certificate.provider === undefined ? [] : [["Provider", certificate.provider] as const]),
];

const remarkOn = ({ wouldKeep }: Finding): string =>
  wouldKeep === true ? " (the store kept it when it was tried)" : "";

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
