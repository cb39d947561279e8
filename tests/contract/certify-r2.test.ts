import { afterEach, beforeEach, expect, it, onTestFinished, vi } from "vitest";
import { main } from "../../adapters/cli/main.ts";
import { provedBy } from "../../adapters/storage/certificate/proved.ts";
import standsOn from "../../adapters/storage/certificate/stands-on.json" with { type: "json" };

import { isFullRun } from "../support/full-run.ts";
import { R2_KEY, type R2Options, startR2 } from "../support/r2-double.ts";

await import("../support/few-rounds.ts");
// An examination ends by itself, when nothing is kept for ten minutes.
vi.setConfig({ testTimeout: 0 });

// What `valetkey certify` proves of Cloudflare R2, as far as its pages go, and of stores like it that
// lack one thing: a double of it.

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

/** The abilities that a certificate of the double proves. */
async function proved(options: R2Options): Promise<ReadonlyArray<string>> {
  const r2 = await startR2(options);
  onTestFinished(r2.close);
  const env = {
    STORAGE_ADAPTER: "aws",
    STORAGE_PROVIDER: "r2",
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
  const { promises, server } = JSON.parse(result);
  expect(server).toBe("cloudflare");
  expect([...r2.buckets.keys()]).toEqual([]);
  return provedBy(promises, standsOn.abilities);
}

/** As others saw it, R2 copies under a condition. */
const SEEN = [
  "multipart",
  "part crc32c",
  "part md5",
  "replaced parts",
  "copies",
  "copies once",
  "completes once",
  "sha256",
  "crc32c",
  "md5",
  "write-once",
];
const seenBut = (...lost: ReadonlyArray<string>) => SEEN.filter((each) => !lost.includes(each));

const WITHOUT_COPIES = [
  "multipart",
  "part sha256",
  "part crc32c",
  "part md5",
  "replaced parts",
  "completes once",
  "sha256",
  "crc32c",
  "md5",
  "write-once",
];

it("as its pages have it, R2 copies nothing under a condition, and all else is proved", async () => {
  expect(await proved({})).toEqual(WITHOUT_COPIES);
});

if (isFullRun) {
  it.each<[string, R2Options, ReadonlyArray<string>]>([
    ["copies under a condition, as others saw it", {}, SEEN],
    [
      "refuses each If-None-Match, as Backblaze B2 does",
      { refusesConditions: true },
      seenBut("copies once", "write-once"),
    ],
    [
      "ignores If-None-Match of a completion",
      { without: "if-none-match on complete" },
      seenBut("copies once"),
    ],
    ["ignores If-None-Match of a PUT", { without: "if-none-match on put" }, seenBut("write-once")],
    [
      "ignores the condition on the source of a copy",
      { without: "copy-source-if-match" },
      seenBut("copies", "copies once"),
    ],
    ["does not verify CRC-32C", { without: "crc32c" }, seenBut("crc32c", "part crc32c")],
  ])("a store that %s has the abilities that are left", async (_, options, abilities) => {
    expect(await proved({ asSeen: true, ...options })).toEqual(abilities);
  });
}
