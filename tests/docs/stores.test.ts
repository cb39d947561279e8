import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../adapters/storage/certificate/certificate.ts";
import {
  type Provider,
  type ProviderName,
  PROVIDERS,
} from "../../adapters/storage/s3/providers.ts";
import { certificatePage, dangersIn } from "../support/certificate-page.ts";
import { CERTIFICATES, certificatesOf } from "../support/certified-stores.ts";
import { SAID } from "../support/said-of-stores.ts";
import { ABOUT } from "../support/store-dangers.ts";
import { readStores, storesPage } from "../support/stores-page.ts";

const PAGES = new URL("../../docs/stores/", import.meta.url);
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

const inFolder = (folder: URL, pattern: RegExp) =>
  readdirSync(folder).flatMap((file) => pattern.exec(file)?.[1] ?? []);

/** Of the providers, and of servers that are certified as `s3`. */
const certified = inFolder(CERTIFICATES, /^([^.]+)\.json$/).filter((name) => name !== "gcs");

it("every page of a store is of a certificate, and every certificate of a provider is in its table", () => {
  expect(inFolder(PAGES, /^(?!azure|gcs|several)(.*)\.md$/).toSorted()).toEqual(
    certified.toSorted(),
  );
  for (const [name, provider] of providers) {
    expect([name, provider.certified !== undefined]).toEqual([name, certified.includes(name)]);
  }
});

it("a certificate of Google Cloud Storage, which is no provider of S3's API, makes a page too", () => {
  const [{ provider: _, ...minio } = expect.unreachable()] = certificatesOf("minio");
  const certificate = { ...minio, adapter: "gcs" };
  const page = certificatePage("gcs", { ...certificate, digest: digestOf(certificate) });
  expect(page).toMatch(/^# Google Cloud Storage /);
  expect(page).toContain("`STORAGE_ADAPTER=gcs`");
});

describe.each(certified)("the certificate of %s", (name) => {
  const certificates = certificatesOf(name);
  const provider = providers.find(([each]) => each === name)?.[1];

  it("has the page that npm run generate writes", () => {
    const page = readFileSync(new URL(`${name}.md`, PAGES), "utf8");
    expect(plain(page)).toBe(plain(certificatePage(name, ...certificates)));
  });

  it("is of this provider, of the version in its table, and of a bucket without versions first", () => {
    const server = provider ? provider.certified?.server : certificates[0]?.server;
    for (const certificate of certificates) {
      expect(certificate).toMatchObject({ provider: provider ? name : "s3", server });
      const kept = certificate.promises.filter(({ outcome }) => outcome === "kept");
      expect(kept.length).toBeGreaterThan(provider ? 40 : 20);
    }
    const states = certificates.map(({ state }) => state.versions);
    expect(["none", "none,kept"]).toContain(states.join());
  });

  it("breaks only promises of whose danger its page tells first", () => {
    const { promises = [], text = "" } = ABOUT[name] ?? {};
    const dangers = certificates.map(dangersIn);
    // Servers that are no provider may break so many that the page tells of the worst.
    if (provider) expect(dangers).toEqual(certificates.map(() => promises));
    else expect(text.startsWith("**")).toBe(dangers.some(({ length }) => length > 0));
  });
});
