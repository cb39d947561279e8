import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { CACHE, cached } from "./cached.ts";
import { installFromNpm } from "./installing.ts";
import type { Found } from "./setup.ts";

/** The suites that need packages which nobody else needs, and what these are. */
const SUITES = {
  azure: "Azurite and the official client",
  bench: "what the benchmark compares with",
  bundles: "a bundler and the runtime of Workers",
  containers: "testcontainers",
  expressions: "recheck",
  peers: "s3rver",
  pages: "React, Svelte, Vue, their compilers, Uppy and axe",
  release: "what looks at packages, and Jest, pnpm and Yarn",
  runtimes: "Deno and Bun",
} as const;

export type ToolSuite = keyof typeof SUITES;

const TESTS = new URL("..", import.meta.url).pathname;
const MANIFEST = ["package.json", "package-lock.json"];

/**
 * Installs what a suite's own lock file names, once, into the user's cache, and links it beside
 * the suite. Gives the folder of its commands.
 */
export async function installTools(suite: ToolSuite): Promise<Found<string>> {
  const folder = join(TESTS, suite);
  const beside = join(folder, "node_modules");
  const found = { value: join(beside, ".bin"), source: `installed for tests/${suite}` };
  // Somebody has run npm there.
  if (lstatSync(beside, { throwIfNoEntry: false })?.isDirectory()) return found;
  const hash = createHash("sha256").update(`${process.platform}-${process.arch}`);
  for (const name of MANIFEST) hash.update(readFileSync(join(folder, name)));
  const name = `tests-${suite}-${hash.digest("hex").slice(0, 12)}`;
  const installed = await cached(name, async (fresh) => {
    console.error(
      `Installing ${SUITES[suite]} for tests/${suite} with npm, once, into ${CACHE}...`,
    );
    for (const name of MANIFEST) copyFileSync(join(folder, name), join(fresh, name));
    await installFromNpm(["ci"], { cwd: fresh });
  });
  const target = join(installed, "node_modules");
  if (!existsSync(beside) || readlinkSync(beside) !== target) {
    rmSync(beside, { force: true });
    symlinkSync(target, beside);
  }
  return found;
}

// `node tests/support/tools.ts` installs all of them, and with names those.
if (process.argv[1] === import.meta.filename) {
  const named = process.argv.slice(2);
  for (const suite of Object.keys(SUITES) as ReadonlyArray<ToolSuite>) {
    if (named.length === 0 || named.includes(suite)) await installTools(suite);
  }
}
