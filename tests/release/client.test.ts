import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { unpacked } from "../support/packed.ts";

/** What a page loads for `valetkey/client`. */
const BUDGET = 13_600;

it("the client is less than 13.6 kB, compressed, in one module that imports nothing", async () => {
  const folder = join(await unpacked(), "dist/adapters/client");
  const modules = globSync("*.js", { cwd: folder });
  expect(modules).toEqual(["client.js"]);
  const text = readFileSync(join(folder, "client.js"), "utf8");
  expect(gzipSync(text).length).toBeLessThan(BUDGET);
  expect(text).not.toMatch(IMPORT);
});

/** An import in minified code. */
const IMPORT = /\b(?:from|import\(?)\s*["'`]/;
