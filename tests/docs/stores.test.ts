import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type Provider, PROVIDERS } from "../../adapters/storage/providers.ts";

const page = readFileSync(new URL("../../docs/stores.md", import.meta.url), "utf8");
const cellsOf = (line: string) => line.split("|").map((cell) => cell.trim());
const lines = page.split("\n").map((line) => cellsOf(line).slice(1, -1).join(" | "));

const yesNo = (value: boolean) => (value ? "yes" : "no");

it.each<[string, Provider]>(Object.entries(PROVIDERS))(
  "the line of docs/stores.md for the provider %s says what its table says",
  (name, provider) => {
    const region = provider.region ?? `required, such as \`${provider.regionExample}\``;
    const cells = [
      provider.title,
      `\`${name}\``,
      provider.pathStyle ? "path" : "host",
      provider.region === undefined ? region : `\`${region}\``,
      provider.checksums.join(", ") || "none",
      yesNo(provider.writeOnce),
      yesNo(provider.marks),
      yesNo(provider.forms),
      provider.cors,
      provider.largestPut.toLocaleString("en"),
      provider.unsigned,
      provider.tried ?? "no",
    ];
    expect(lines).toContain(cells.join(" | "));
  },
);

it.each<[string, Provider]>(Object.entries(PROVIDERS))(
  "docs/stores.md says of %s whether it takes uploads in parts, as its table does",
  (_name, { title, partChecksums, fileChecksums = [], noMultipart = "not tried" }) => {
    const cells = partChecksums
      ? [title, "yes", partChecksums.join(", "), fileChecksums.join(", "), ""]
      : [title, "no", "", "", noMultipart];
    expect(lines).toContain(cells.join(" | "));
  },
);
