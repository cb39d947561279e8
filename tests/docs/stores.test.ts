import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Certificate, digestOf } from "../../adapters/storage/certificate/certificate.ts";
import { type Provider, type ProviderName, PROVIDERS } from "../../adapters/storage/providers.ts";
import { certificatePage, dangersIn } from "../support/certificate-page.ts";
import { SAID } from "../support/said-of-stores.ts";
import { ABOUT } from "../support/store-dangers.ts";
import { readStores, storesPage } from "../support/stores-page.ts";

const FOLDER = new URL("../../docs/stores/", import.meta.url);
const providers = Object.entries(PROVIDERS) as ReadonlyArray<readonly [ProviderName, Provider]>;

it("docs/stores.md says of the stores what npm run generate writes", () => {
  expect(readStores()).toBe(storesPage());
});

it("what others say is shown only of stores that nobody has certified", () => {
  const said = providers.filter(([name]) => name in SAID);
  expect(said.length).toBeGreaterThan(3);
  expect(said.filter(([, { certified }]) => certified !== undefined)).toEqual([]);
});

/** The formatter of the pages has the last word about empty lines and escapes. */
const plain = (text: string) => text.replaceAll(/\\|\s+/g, "");

const certificatesOf = (name: string): ReadonlyArray<Certificate> =>
  [`${name}.json`, `${name}.versions.json`]
    .filter((file) => existsSync(new URL(file, FOLDER)))
    .map((file) => JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")));

it("every page of a store is of a provider that was certified, and every such provider has one", () => {
  const certified = providers.filter(([, provider]) => provider.certified !== undefined);
  const pages = readdirSync(FOLDER).filter((file) => /^(?!gcs).*\.md$/.test(file));
  expect(pages.sort()).toEqual(certified.map(([name]) => `${name}.md`).sort());
});

it("a certificate of Google Cloud Storage, which is no provider of S3's API, makes a page too", () => {
  const [{ provider: _, ...minio } = expect.unreachable()] = certificatesOf("minio");
  const certificate = { ...minio, adapter: "gcs" };
  const page = certificatePage({ ...certificate, digest: digestOf(certificate) });
  expect(page).toMatch(/^# Google Cloud Storage /);
  expect(page).toContain("`STORAGE_ADAPTER=gcs`");
});

describe.each(providers.filter(([name]) => existsSync(new URL(`${name}.json`, FOLDER))))(
  "the certificate of %s",
  (name, provider) => {
    const certificates = certificatesOf(name);

    it("has the page that npm run generate writes", () => {
      const page = readFileSync(new URL(`${name}.md`, FOLDER), "utf8");
      expect(plain(page)).toBe(plain(certificatePage(...certificates)));
    });

    it("is of this provider, of the version in its table, and of both states of a bucket", () => {
      for (const certificate of certificates) {
        expect(certificate).toMatchObject({ provider: name, server: provider.certified?.server });
        const kept = certificate.promises.filter(({ outcome }) => outcome === "kept");
        expect(kept.length).toBeGreaterThan(40);
      }
      const states = certificates.map(({ state }) => state.versions);
      expect(["none", "none,kept"]).toContain(states.join());
    });

    it("breaks only promises of whose danger its page tells first", () => {
      for (const certificate of certificates) {
        expect(dangersIn(certificate)).toEqual(ABOUT[name]?.promises ?? []);
      }
    });
  },
);
