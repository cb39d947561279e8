import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { judgeMemory } from "../../bench/soak-memory.ts";
import { randomFrom } from "../../fuzz/mutate.ts";
import { makeFolder } from "../../support/make-folder.ts";

const MEBIBYTE = 1024 ** 2;

/** Judges a process that holds so much after so many collections. */
function judge(collections: number, held: (collection: number) => number) {
  const folder = makeFolder();
  const random = randomFrom(1);
  const lines = Array.from({ length: collections }, (_, i) => {
    const live = held(i) + random(MEBIBYTE / 2);
    return JSON.stringify({ live, resident: 4 * live });
  });
  const file = join(folder, "heap");
  writeFileSync(file, `${lines.join("\n")}\n`);
  return judgeMemory(file);
}

const warmUp = (collection: number) => MEBIBYTE * (40 + Math.log(1 + collection));

/** Ten seconds of 40 requests a second lie between two collections. */
const leak = (collection: number) => warmUp(collection) + collection * 10 * 40 * 200;

it.each([60, 360])("warming up over %i collections is no growth", (collections) => {
  expect(judge(collections, warmUp).grows).toBe(false);
});

it.each([60, 360])("200 bytes kept of each request are found in %i collections", (collections) => {
  expect(judge(collections, leak).grows).toBe(true);
});
