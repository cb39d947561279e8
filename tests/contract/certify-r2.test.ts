import { afterEach, beforeEach, expect, it, onTestFinished, vi } from "vitest";
import { main } from "../../adapters/cli/main.ts";
import { isFullRun } from "../support/full-run.ts";
import { R2_KEY, type R2Options, startR2 } from "../support/r2-double.ts";

// What `valetkey certify` says of Cloudflare R2, as far as its pages go: a double of it.

let result = "";
let told = "";
beforeEach(() => {
  [result, told] = ["", ""];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    result += String(text);
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    told += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

type Found = { readonly promise: string; readonly outcome: string };

/** The promises that a double of R2 does not keep of those that a provider offers. */
async function notKept(provider: string, options: R2Options): Promise<ReadonlyArray<string>> {
  const r2 = await startR2(options);
  onTestFinished(r2.close);
  const env = {
    STORAGE_ADAPTER: "aws",
    STORAGE_PROVIDER: provider,
    STORAGE_ENDPOINT: r2.endpoint,
    STORAGE_PATH_STYLE: "on",
    STORAGE_ACCESS_KEY: R2_KEY.accessKey,
    STORAGE_SECRET_KEY: R2_KEY.secretKey,
  };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const { exitCode } = process;
  onTestFinished(() => void (process.exitCode = exitCode));
  await main(["certify", "--json"], () => Promise.reject(new Error("nothing may be served")));
  expect(result, told).not.toBe("");
  const { promises, left, server } = JSON.parse(result);
  expect([server, left]).toEqual(["cloudflare", []]);
  expect([...r2.buckets.keys()]).toEqual([]);
  return promises
    .filter(({ outcome }: Found) => outcome === "not kept")
    .map(({ promise }: Found) => promise);
}

/** Since R2 is not known to report the SHA-256 of an object, a confirm misses none. */
const UNREPORTED = "an object that came without its granted checksum is not confirmed";

it("as R2, all that is offered is kept, but for a checksum that confirm cannot miss", async () => {
  expect(await notKept("r2", {})).toEqual([UNREPORTED]);
});

if (isFullRun) {
  it("a promise that R2 no longer keeps is named", async () => {
    expect(await notKept("r2", { without: "if-none-match on put" })).toEqual([
      "a PUT cannot be replayed under writeOnce",
      "a PUT cannot be replayed under strict",
      "exactly one of several concurrent write-once PUTs is stored",
      UNREPORTED,
    ]);
  });

  it("as a store that can do all, it lacks checksums of whole files in parts, and versions", async () => {
    expect(await notKept("versitygw", { asSeen: true })).toEqual([
      // SHA-256 of a part.
      "a part is verified by each checksum that is offered",
      "a file in parts that has the checksum given at its start is completed",
      "a file in parts that has another checksum than that given at its start is not stored",
      // These look for versions.
      "of several copies at once, one makes the file, and a later one does not replace it",
      "a removed file is gone for every URL, and to remove it again is no error",
      "a removed file is not made of its upload again",
      "an upload that waits is removed before it becomes a file",
    ]);
  });
}
