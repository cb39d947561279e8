import { readFileSync } from "node:fs";
import { type Provider, PROVIDERS } from "../../adapters/storage/providers.ts";
import { tableOf } from "./markdown.ts";

/** The pages that have a table of providers between two comments, by the table's name. */
const PAGES = { stores: "providers", parts: "parts" } as const;
type ProviderPage = keyof typeof PAGES;

/** A page of docs/ as it is. */
export const readPage = (name: ProviderPage): string =>
  readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), "utf8");

/** The page with what is made from the table of providers. */
export function providerPage(name: ProviderPage): string {
  const block = PAGES[name];
  const start = `<!-- ${block}: made by npm run generate -->\n`;
  const end = `<!-- end of ${block} -->`;
  const [before, rest = ""] = readPage(name).split(start);
  const [, after] = rest.split(end);
  if (after === undefined) throw new Error(`docs/${name}.md has no place for ${block}`);
  return `${before}${start}\n${BLOCKS[block]}\n${end}${after}`;
}

const namesOf = (algorithms: ReadonlyArray<string>) => algorithms.join(", ") || "none";

const yesNo = (value: boolean | string) =>
  typeof value === "string" ? value : value ? "yes" : "no";

const providers: ReadonlyArray<readonly [string, Provider]> = Object.entries(PROVIDERS);

const BLOCKS = {
  providers: tableOf([
    [
      "provider",
      "region",
      "checksums",
      "write once",
      "CORS by",
      "largest PUT, bytes",
      "unsigned `x-amz-*`",
      "certificate",
    ],
    ...providers.map(([name, provider]) => [
      `${provider.title}: \`${name}\``,
      provider.region === undefined
        ? `required, such as \`${provider.regionExample}\``
        : `\`${provider.region}\``,
      namesOf(provider.checksums),
      yesNo(provider.writeOnce),
      provider.cors,
      provider.largestPut.toLocaleString("en"),
      provider.unsigned,
      provider.certified === undefined
        ? "none"
        : `[${provider.certified.server}](https://github.com/valetkey/valetkey/blob/main/docs/stores/${name}.md)`,
    ]),
  ]),
  parts: `${tableOf([
    ["provider", "checksums of a part", "of the whole file"],
    ...providers.flatMap(([, { title, partChecksums, fileChecksums = [] }]) =>
      partChecksums ? [[title, namesOf(partChecksums), namesOf(fileChecksums)]] : [],
    ),
  ])}`,
};
