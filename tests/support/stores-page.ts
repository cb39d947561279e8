import { existsSync, readFileSync } from "node:fs";
import type { StoreCapabilities } from "../../application/ports/store-capabilities.ts";
import type { Ability } from "../../adapters/contract/abilities.ts";
import { GCS_CAPABILITIES } from "../../adapters/storage/gcs/settings.ts";
import {
  ABLEST,
  type Provider,
  type ProviderName,
  PROVIDERS,
} from "../../adapters/storage/providers.ts";
import { tableOf } from "./markdown.ts";
import { LOOKED_UP, pageOf, SAID } from "./said-of-stores.ts";

const BLOCK = "stores";

/** docs/stores.md as it is. */
export const readStores = (): string =>
  readFileSync(new URL("../../docs/stores.md", import.meta.url), "utf8");

/** docs/stores.md with what is made from the table of providers. */
export function storesPage(): string {
  const start = `<!-- ${BLOCK}: made by npm run generate -->\n`;
  const end = `<!-- end of ${BLOCK} -->`;
  const [before, rest = ""] = readStores().split(start);
  const [, after] = rest.split(end);
  if (after === undefined) throw new Error(`docs/stores.md has no place for ${BLOCK}`);
  return `${before}${start}\n${block()}\n${end}${after}`;
}

/** A row of the table. */
interface Row {
  readonly title: string;
  readonly store: string;
  readonly can: StoreCapabilities;
  readonly isTried: boolean;
  readonly cors: string;
  readonly known: string;
  readonly said?: (typeof SAID)[ProviderName];
}

const REPOSITORY = "https://github.com/valetkey/valetkey/blob/main";

const rows: ReadonlyArray<Row> = [
  {
    title: "the embedded store",
    store: "[embedded](#embedded)",
    can: ABLEST,
    isTried: true,
    cors: "`CORS_ORIGINS`",
    known: "tested with each version",
  },
  {
    title: "Google Cloud Storage",
    store: "[Google Cloud Storage](#google-cloud-storage)",
    can: GCS_CAPABILITIES,
    isTried: true,
    cors: "bucket",
    known: existsSync(new URL("../../docs/stores/gcs.json", import.meta.url))
      ? `[a certificate](${REPOSITORY}/docs/stores/gcs.md)`
      : "its pages, a double",
  },
  ...(Object.entries(PROVIDERS) as ReadonlyArray<[ProviderName, Provider]>).map(
    ([name, provider]): Row => {
      const { certified, title, cors } = provider;
      return {
        title,
        store: `${title}: \`${name}\``,
        can: provider,
        isTried: certified !== undefined,
        cors,
        known: certified
          ? `[${certified.server}](${REPOSITORY}/docs/stores/${name}.md), ${certified.date}`
          : name === "aws"
            ? "its pages"
            : name in SAID
              ? `others, ${LOOKED_UP}`
              : "not tried",
        said: SAID[name],
      };
    },
  ),
];

/** The word of an ability: what is so, or else what a certificate will probably say. */
function word({ isTried, said }: Row, ability: Ability, has: boolean | string | undefined) {
  if (typeof has === "string") return has;
  if (has) return "yes";
  if (isTried) return "no";
  const likely = said?.likely?.[ability];
  const unlikely = said?.unlikely?.[ability];
  if (likely) return `[likely][${likely}]`;
  return unlikely ? `[unlikely][${unlikely}]` : "unknown";
}

const ALGORITHMS = ["sha256", "crc32c", "md5"] as const;

/** The checksums that are verified, and those that others say. */
function checksums({ can, said, isTried }: Row): string {
  const others = ALGORITHMS.flatMap((algorithm) => {
    const page = said?.likely?.[algorithm];
    return page && !can.checksums.includes(algorithm) ? [`${algorithm} [likely][${page}]`] : [];
  });
  return [...can.checksums, ...others].join(", ") || (isTried ? "none" : "unknown");
}

function block(): string {
  const lines = rows.map((row) => {
    const { can, cors, known } = row;
    return [
      can.partChecksums ? "yes" : "no",
      [
        ...new Set([
          word(row, "completes once", can.completesOnce),
          word(row, "copies once", can.copiesOnce),
        ]),
      ].join(", "),
      word(row, "copies", can.copies),
      word(row, "write-once", can.writeOnce),
      checksums(row),
      cors,
      known,
    ];
  });
  // Those of which nobody says anything are one line.
  const alike = Map.groupBy(rows.keys(), (index) => lines[index]?.join() ?? "");
  const table = tableOf([
    [
      "store: `STORAGE_PROVIDER`",
      "in parts",
      "final at once: in parts, incoming",
      "incoming, metadata",
      "write once",
      "checksums",
      "CORS by",
      "known by",
    ],
    ...[...alike.values()].map((those) => [
      those.map((index) => rows[index]?.store).join("; "),
      ...(lines[those[0] ?? 0] ?? []),
    ]),
  ]);
  const titles = (which: (can: Partial<Provider>) => unknown) =>
    rows
      .filter(({ can }) => which(can))
      .map(({ title }) => title)
      .join(", ");
  /** Such as `5 GB at one, another; 5 TB at a third`. */
  const grouped = (valueOf: (can: StoreCapabilities) => string | undefined) =>
    [...Map.groupBy(rows, ({ can }) => valueOf(can))]
      .filter(([value]) => value)
      .map(([value, those]) => `${value} at ${those.map(({ title }) => title).join(", ")}`)
      .join("; ");
  const faults = (Object.keys(SAID) as ReadonlyArray<ProviderName>).map(
    (name) => `- **${PROVIDERS[name].title}:** ${SAID[name]?.fault}.\n`,
  );
  const pages = new Set(
    Object.values(SAID).flatMap(({ likely = {}, unlikely = {} }) => [
      ...Object.values(likely),
      ...Object.values(unlikely),
    ]),
  );
  return `${table}
- One PUT carries 5 GiB, but ${grouped(({ largestPut }) => (largestPut === ABLEST.largestPut ? undefined : `${largestPut.toLocaleString("en")} bytes`))}.
- Unsigned \`x-amz-*\` [headers](security.md#headers-that-ride-along) are refused by ${titles(({ unsigned }) => unsigned === "refused")}.
${faults.join("")}
${[...pages].map((page) => `[${page}]: ${pageOf(page)}\n`).join("")}`;
}
