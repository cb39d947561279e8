import { expect, it, onTestFinished, vi } from "vitest";
import { provedBy } from "../../adapters/storage/certificate/proved.ts";
import standsOn from "../../adapters/storage/certificate/stands-on.json" with { type: "json" };
import { valetkey } from "../support/command-line.ts";
import { isFullRun } from "../support/full-run.ts";
import { R2_KEY, type R2Options, startR2 } from "../support/r2-double.ts";

await import("../support/few-rounds.ts");
// An examination ends by itself, when nothing is kept for ten minutes.
vi.setConfig({ testTimeout: 0 });

// What `valetkey certify` proves of Cloudflare R2, as far as its pages go, and of stores like it that
// lack one thing: a double of it.

/** The abilities that a certificate of the double proves, and what it breaks that every store has to keep. */
async function certified(options: R2Options) {
  const r2 = await startR2(options);
  onTestFinished(r2.close);
  const { stdout, stderr } = await valetkey(["certify", "--json"], {
    STORAGE_ADAPTER: "aws",
    STORAGE_PROVIDER: "r2",
    STORAGE_ENDPOINT: r2.endpoint,
    STORAGE_PATH_STYLE: "on",
    STORAGE_ACCESS_KEY: R2_KEY.accessKey,
    STORAGE_SECRET_KEY: R2_KEY.secretKey,
  });
  expect(stdout, stderr).not.toBe("");
  const { promises, server } = JSON.parse(stdout);
  expect(server).toBe("cloudflare");
  expect([...r2.buckets.keys()]).toEqual([]);
  const broken = new Set(
    promises.flatMap(({ outcome, promise }: Record<"outcome" | "promise", string>) =>
      outcome === "broken" ? [promise] : [],
    ),
  );
  return {
    abilities: provedBy(promises, standsOn.abilities),
    broken: standsOn.every.filter((promise) => broken.has(promise)),
  };
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
  expect(await certified({})).toEqual({ abilities: WITHOUT_COPIES, broken: [] });
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
    expect(await certified({ asSeen: true, ...options })).toEqual({ abilities, broken: [] });
  });
}
