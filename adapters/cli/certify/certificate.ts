import type { Exchange } from "../../contract/exchange.ts";
import type { Finding, Findings } from "../../contract/examine.ts";

/** The promises that a store keeps, and when that was seen. */
export interface Certificate extends Pick<Findings, "server" | "left"> {
  /** Its name and address, such as `MinIO at http://127.0.0.1:9000`. */
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

const withOutcome = ({ promises }: Certificate, wanted: Finding["outcome"]) =>
  promises.filter(({ outcome }) => outcome === wanted);

/** Writes a certificate for a person. */
export function asText(certificate: Certificate): string {
  const facts = Object.entries(certificate).flatMap(([name, value]) =>
    typeof value === "string"
      ? `${name.charAt(0).toUpperCase()}${name.slice(1).padEnd(9)} ${value}\n`
      : [],
  );
  const lines = certificate.promises
    .filter(({ outcome }) => outcome !== "not offered")
    .map((finding) => {
      const line = `${finding.outcome.padEnd(12)} ${finding.promise}\n`;
      return line + indented(evidenceIn(finding), 13);
    });
  const missing = notOffered(certificate).map((line) => `not offered  ${line}\n`);
  const count = (outcome: Finding["outcome"]) => withOutcome(certificate, outcome).length;
  return `${facts.join("")}
Promises kept: ${count("kept")}; not kept: ${count("not kept")}; not offered: ${count("not offered")}.

${lines.join("")}${missing.join("")}${leftMessage(certificate.left)}`;
}

export const leftMessage = (left: ReadonlyArray<string>): string =>
  left.length === 0
    ? ""
    : `\nThis could not be removed again:\n${left.map((what) => `  ${what}\n`).join("")}`;

function notOffered(certificate: Certificate): ReadonlyArray<string> {
  const missing = Map.groupBy(withOutcome(certificate, "not offered"), ({ needs }) => needs ?? "");
  return [...missing].map(([ability, findings]) => {
    const failed = findings.find(({ wouldKeep }) => wouldKeep === false);
    if (failed !== undefined) return `${ability}: not kept when it was tried ("${failed.promise}")`;
    const isTried = findings.every(({ wouldKeep }) => wouldKeep !== undefined);
    return `${ability}: ${isTried ? "kept when it was tried" : "not tried"}`;
  });
}

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
