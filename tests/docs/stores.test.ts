import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { missingAbilities } from "../../adapters/contract/abilities.ts";
import { type Provider, type ProviderName, PROVIDERS } from "../../adapters/storage/providers.ts";
import { SHOWN } from "../support/certificate-page.ts";
import { ABOUT } from "../support/store-dangers.ts";
import { providerPage, readPage } from "../support/stores-page.ts";

const FOLDER = new URL("../../docs/stores/", import.meta.url);
const providers = Object.entries(PROVIDERS) as ReadonlyArray<readonly [ProviderName, Provider]>;

it.each(["stores", "parts"] as const)(
  "docs/%s.md says of the providers what npm run generate writes",
  (name) => {
    expect(readPage(name)).toBe(providerPage(name));
  },
);

it("every certificate is of a provider that was tried, and every such provider has one", () => {
  const tried = providers.filter(([, { certified }]) => certified !== undefined);
  expect(readdirSync(FOLDER).sort()).toEqual(tried.map(([name]) => `${name}.md`).sort());
});

/** The items under a heading of a certificate. */
function itemsOf(certificate: string, heading: string): ReadonlyArray<string> {
  const [, section = ""] = certificate.split(`\n## ${heading}\n`);
  return [...(section.split("\n## ")[0] ?? "").matchAll(/^- (.+)$/gm)].map(([, item = ""]) => item);
}

describe.each(providers.filter(([name]) => existsSync(new URL(`${name}.md`, FOLDER))))(
  "the certificate of %s",
  (name, provider) => {
    const certificate = readFileSync(new URL(`${name}.md`, FOLDER), "utf8");
    const [, kept = "", shown = ""] =
      /^Promises kept: (\d+), among them (.+?); not kept: /m.exec(certificate) ?? [];

    it("is of this provider, and of the version in its table", () => {
      expect(certificate.split("\n")[0]).toBe(`# ${provider.title} ${provider.certified?.server}`);
      expect(certificate).toContain(`\`STORAGE_PROVIDER=${name}\``);
    });

    it("begins with the danger of what is not kept, and has nothing that was left in the store", () => {
      const { promises = [], text = "" } = ABOUT[name] ?? {};
      expect(itemsOf(certificate, "Not kept")).toEqual(promises);
      expect(certificate).toContain(`; not kept: ${promises.length}; not offered: `);
      expect(certificate.split(/^Promises kept: /m)[0]).toContain(text);
      expect(Number(kept)).toBeGreaterThan(40);
      expect(itemsOf(certificate, "Not removed")).toEqual([]);
    });

    it("shows what the table says that the provider does, and nothing else", () => {
      const said = SHOWN.filter(({ isSaid }) => isSaid(provider));
      expect(shown.split(", ")).toEqual(said.map(({ label }) => label));
    });

    it("leaves out only what the table leaves out", () => {
      const left = itemsOf(certificate, "Not offered").map((item) => item.split(":")[0]);
      // Parts that wait for `final` are no longer a lack.
      const lacks = [...missingAbilities(provider), "multipart"];
      expect(lacks).toEqual(expect.arrayContaining(left));
    });
  },
);
