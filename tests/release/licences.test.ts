import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readLock, used } from "../support/lock.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Those that let a work under Apache-2.0 use and carry along what is under them. */
const PERMITTED = new Set([
  "MIT",
  "Apache-2.0",
  "ISC",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "BlueOak-1.0.0",
  "CC0-1.0",
]);

/** Packages of tools under other licences. They run here, and nothing of them is distributed. */
const TOOLS: ReadonlyMap<string, ReadonlyArray<RegExp>> = new Map([
  // Reads the options of a parser's command, which the linter of our OpenAPI document brings along.
  ["PSF-2.0", [/^argparse$/]],
  // CSS for Vite, which is in Vitest; and axe, which looks at our pages.
  ["MPL-2.0", [/^lightningcss(?:-\w+)*$/, /^axe-core$/]],
  // Tables of browsers, for the tools of Jest.
  ["CC-BY-4.0", [/^caniuse-lite$/]],
  // Hashes for the library that verifies our webhooks, and signatures for the SSH client that
  // testcontainers brings along; in the public domain.
  ["Unlicense", [/^fast-sha256$/, /^tweetnacl$/]],
  // Pictures in the local runtime of Workers: libraries that are linked while it runs.
  ["LGPL-3.0-or-later", [/^@img\/sharp-/]],
  // Decodes HEIC in a recipe of docs/client/prepare.md.
  ["LGPL-3.0", [/^heic-to$/]],
  // Templates of addresses for Azurite; its author put it into the public domain.
  ["http://geraintluff.github.io/tv4/LICENSE.txt", [/^uri-templates$/]],
  // Parts of s3rver, of a client of tus and of testcontainers under MIT, which they say in other
  // places than an SPDX expression.
  [
    "none",
    [
      /^(?:buildcheck|busboy|combine-errors|cpu-features|dicer|humanize-number|only|ssh2|streamsearch)$/,
    ],
  ],
]);

/** An SPDX expression: one of alternatives, or all that are joined. None of those that are nested. */
const isPermitted = (expression: string, isListed: (id: string) => boolean): boolean =>
  expression
    .replace(/^\(([^()]*)\)$/, "$1")
    .split(/ OR (?=[^()]*$)/)
    .some((option) => option.split(" AND ").every(isListed));

const nameAt = (path: string) => path.replace(/.*node_modules\//, "");
const distributed = (licence = "none") => isPermitted(licence, (id) => PERMITTED.has(id));
const runHere = (name: string, licence = "none") =>
  isPermitted(
    licence,
    (id) => PERMITTED.has(id) || TOOLS.get(id)?.some((names) => names.test(name)) === true,
  );

it("all that the package needs, or can be given to use, may go with it under Apache-2.0", () => {
  const lock = readLock(ROOT);
  const paths = [...used(lock)];
  expect(paths).toContain("node_modules/effect");
  expect(paths).toContain("node_modules/@aws-sdk/client-s3");
  expect(paths).not.toContain("node_modules/vitest");
  const others = paths.filter((path) => !distributed(lock.get(path)?.license));
  expect(others.map((path) => `${path}: ${lock.get(path)?.license}`)).toEqual([]);
});

it("every tool is under a licence that is listed, or listed with the tool", () => {
  const folders = globSync("{.,tests/*}/package-lock.json", { cwd: ROOT });
  expect(folders).toContain("tests/release/package-lock.json");
  const others = folders.flatMap((file) =>
    [...readLock(join(ROOT, file, ".."))]
      .filter(([path, { license }]) => path !== "" && !runHere(nameAt(path), license))
      .map(([path, { license }]) => `${file}, ${path}: ${license}`),
  );
  expect(others).toEqual([]);
});

it("every installed package names the licence that the lock file says", () => {
  const lock = readLock(ROOT);
  const installed = globSync("node_modules/{**/node_modules/,}{*,@*/*}/package.json", {
    cwd: ROOT,
  }).map((file) => file.slice(0, -"/package.json".length));
  const known = installed.filter((path) => lock.has(path));
  expect(known.length).toBeGreaterThan(200);
  const others = known.flatMap((path) => {
    const { license, licenses } = JSON.parse(
      readFileSync(join(ROOT, path, "package.json"), "utf8"),
    );
    return license === lock.get(path)?.license ? [] : [`${path}: ${license ?? licenses}`];
  });
  expect(others).toEqual([]);
});

it.each([
  ["GPL-3.0-only", false],
  ["(GPL-3.0-only) AND (LGPL-3.0-only OR MIT)", false],
  ["Apache-2.0 WITH LLVM-exception", false],
  [undefined, false],
  ["Apache-2.0 AND MIT", true],
  ["(MIT OR CC0-1.0)", true],
])("a package under %s may be distributed: %s", (licence, expected) => {
  expect(distributed(licence)).toBe(expected);
});
