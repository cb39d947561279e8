import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { unpacked } from "../support/packed.ts";

/** What a page loads for `valetkey/client`, the part for files in parts with it. */
const BUDGET = 9_900;

it("the client is less than 9.9 kB, compressed, and imports nothing but its own modules", async () => {
  const folder = join(await unpacked(), "dist/adapters/browser");
  const modules = globSync("*.js", { cwd: folder });
  expect(modules).toContain("client.js");
  const texts = modules.map((name) => readFileSync(join(folder, name), "utf8"));
  const size = texts.reduce((sum, text) => sum + gzipSync(text).length, 0);
  expect(size).toBeLessThan(BUDGET);
  const imported = texts.flatMap((text) => [...text.matchAll(IMPORTED)].map(([, name]) => name));
  expect(imported).toEqual(expect.arrayContaining(["./client.js", "./multipart.js"]));
  expect(imported.filter((name) => !modules.includes(`${name}`.replace("./", "")))).toEqual([]);
});

/** What follows `from`, `import` or `import(` in minified code. */
const IMPORTED = /\b(?:from|import\(?)\s*["'`]([^"'`]+)["'`]/g;
