import { readFileSync } from "node:fs";
import { type Ability, putChecksums, type StoreLimits } from "../../application/ports/abilities.ts";
import { type Known, S3_LIMITS } from "../../adapters/storage/known.ts";
import { GCS_LIMITS, gcsAbilities } from "../../adapters/storage/gcs/settings.ts";
import { EMBEDDED_ABILITIES } from "../../adapters/storage/local/abilities.ts";
import {
  type Provider,
  type ProviderName,
  PROVIDERS,
} from "../../adapters/storage/s3/providers.ts";
import { certificatesOf } from "./certified-stores.ts";
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
  readonly can: Known & { readonly limits: StoreLimits } & Partial<Provider>;
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
    can: { abilities: EMBEDDED_ABILITIES, limits: S3_LIMITS },
    isTried: true,
    cors: "`CORS_ORIGINS`",
    known: "tested with each version",
  },
  {
    title: "Google Cloud Storage",
    store: "[Google Cloud Storage](#google-cloud-storage)",
    can: { abilities: gcsAbilities({}), limits: GCS_LIMITS },
    isTried: true,
    cors: "bucket",
    known:
      certificatesOf("gcs").length > 0
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
function word({ can, isTried, said }: Row, ability: Ability) {
  if (can.boundTo?.abilities.has(ability)) return "without versions";
  if (can.abilities.has(ability)) return "yes";
  if (isTried) return "no";
  const likely = said?.likely?.[ability];
  const unlikely = said?.unlikely?.[ability];
  if (likely) return `[likely][${likely}]`;
  return unlikely ? `[unlikely][${unlikely}]` : "unknown";
}

const ALGORITHMS = ["sha256", "crc32c", "md5"] as const;

/** The checksums that are verified, and those that others say. */
function checksums({ can, said, isTried }: Row): string {
  const verified = putChecksums(can.abilities);
  const others = ALGORITHMS.flatMap((algorithm) => {
    const page = said?.likely?.[algorithm];
    return page && !verified.includes(algorithm) ? [`${algorithm} [likely][${page}]`] : [];
  });
  return [...verified, ...others].join(", ") || (isTried ? "none" : "unknown");
}

function block(): string {
  const lines = rows.map((row) => {
    const { can, cors, known } = row;
    return [
      can.abilities.has("multipart") ? "yes" : "no",
      [...new Set([word(row, "completes once"), word(row, "copies once")])].join(", "),
      word(row, "copies"),
      word(row, "write-once"),
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
  const grouped = (valueOf: (limits: StoreLimits) => string | undefined) =>
    [...Map.groupBy(rows, ({ can }) => valueOf(can.limits))]
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
- One PUT carries 5 GiB, but ${grouped(({ largestPut }) => (largestPut === S3_LIMITS.largestPut ? undefined : `${largestPut.toLocaleString("en")} bytes`))}.
- Unsigned \`x-amz-*\` [headers](security.md#headers-that-ride-along) are refused by ${titles(({ unsigned }) => unsigned === "refused")}.
${faults.join("")}
${[...pages].map((page) => `[${page}]: ${pageOf(page)}\n`).join("")}`;
}
