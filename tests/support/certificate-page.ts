import type { Certificate } from "../../adapters/cli/certify/certificate.ts";
import { type Provider, type ProviderName, PROVIDERS } from "../../adapters/storage/providers.ts";
import { ABOUT } from "./store-dangers.ts";

/** An ability as the table of providers has it, and the promise that shows it. */
interface Shown {
  readonly label: string;
  readonly promise: string;
  readonly isSaid: (provider: Provider) => boolean;
}

export const SHOWN: ReadonlyArray<Shown> = [
  ...(["sha256", "crc32c", "md5"] as const).map((name) => ({
    label: name,
    promise: `${name}: other bytes of the same size are refused, and the right ones stored`,
    isSaid: ({ checksums }: Provider) => checksums.includes(name),
  })),
  {
    label: "write-once",
    promise: "a PUT cannot be replayed under writeOnce",
    isSaid: ({ writeOnce }) => writeOnce !== false,
  },
  {
    label: "files in parts",
    promise: "a part is verified by each checksum that is offered",
    isSaid: ({ partChecksums = [] }) => partChecksums.length > 0,
  },
  {
    label: "incoming",
    promise: "an upload that waits is not the file, and becomes it when it is confirmed",
    isSaid: ({ copies }) => copies === true,
  },
];

/** The page of a store: what was kept in short, what was not, and how it is set up. */
export function certificatePage(
  name: ProviderName,
  { promises, date, valetkey, bucket, left }: Certificate,
): string {
  const { title, certified }: Provider = PROVIDERS[name];
  const having = (outcome: "kept" | "not kept" | "not offered") =>
    promises.filter((finding) => finding.outcome === outcome);
  const kept = new Set(having("kept").map(({ promise }) => promise));
  const labels = SHOWN.filter(({ promise }) => kept.has(promise)).map(({ label }) => label);
  const missing = Map.groupBy(having("not offered"), ({ needs }) => needs ?? "");
  const failed = [...missing].map(([needs, findings]) => {
    const failure = findings.find(({ wouldKeep }) => wouldKeep === false);
    return `${needs}: ${failure === undefined ? "not seen to fail" : `fails "${failure.promise}"`}`;
  });
  return `# ${title} ${certified?.server}

${ABOUT[name]?.text ?? ""}

Promises kept: ${kept.size}, among them ${labels.join(", ")}; not kept: ${having("not kept").length}; not offered: ${having("not offered").length}. Tried on ${date} with Valetkey ${valetkey}, \`STORAGE_PROVIDER=${name}\`, in a bucket ${bucket}.

${list(
  "Not kept",
  having("not kept").map(({ promise }) => promise),
)}${list("Not offered", failed)}${list("Not removed", left)}`;
}

const list = (heading: string, items: ReadonlyArray<string>) =>
  items.length === 0 ? "" : `## ${heading}\n\n${items.map((item) => `- ${item}\n`).join("")}\n`;
