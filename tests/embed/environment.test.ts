import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { storageFromEnvironment } from "../../adapters/embed/environment.ts";
import { createValetkey } from "../../adapters/embed/index.ts";

const MINIO = {
  STORAGE_ADAPTER: "minio",
  STORAGE_ENDPOINT: "http://127.0.0.1:9000",
  STORAGE_ACCESS_KEY: "key",
  STORAGE_SECRET_KEY: "secret",
  STORAGE_BUCKET: "pictures",
};

/** Where a file goes with these variables. */
async function addressOf(env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const valetkey = createValetkey({
    storage: storageFromEnvironment(env),
    publicUrl: "https://app.example.com",
    organizations: (slug) => slug,
    log: () => undefined,
  });
  const file = { filename: "a.png", contentType: "image/png", size: 5 };
  const asked = { caller: { id: "mia" }, organization: "acme", ...file };
  const { putUrl } = await valetkey.requestUpload(asked).finally(() => valetkey.close());
  return putUrl;
}

it("the store of an application is the one that its variables choose", async () => {
  expect(await addressOf(MINIO)).toMatch(/^http:\/\/127\.0\.0\.1:9000\/pictures\/orgs\/acme\//);
});

it("without variables the store of an application is the embedded one, at its own address", async ({
  onTestFinished,
}) => {
  const directory = await mkdtemp(join(tmpdir(), "valetkey-environment-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  expect(await addressOf({ STORAGE_LOCAL_DIR: directory, STORAGE_BUCKET: "" })).toMatch(
    /^https:\/\/app\.example\.com\/store\/files\/orgs\/acme\//,
  );
});

it("variables that are wrong are all named, as the operator wrote them", () => {
  const wrong = { STORAGE_ADAPTER: "minio", STORAGE_BUCKET: "My files" };
  expect(() => storageFromEnvironment(wrong)).toThrow(
    /^The store cannot be made: invalid variables\n(?=[^]*STORAGE_ENDPOINT must )(?=[^]*STORAGE_BUCKET must )/,
  );
  expect(() => storageFromEnvironment({ STORAGE_ADAPTER: "s4" })).toThrow(TypeError);
});
