import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { inspect, promisify } from "node:util";
import { inject } from "vitest";
import { until } from "./until.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const run = promisify(execFile);

/**
 * The path of the packed package, which the first test of a run that asks builds and packs, out of
 * a copy of the sources, and the others wait for. It goes when the run ends.
 */
export async function packed(): Promise<string> {
  const folder = inject("packages");
  const tarball = join(folder, "valetkey.tgz");
  const failure = join(folder, "failure");
  if (isFirst(join(folder, "sources"))) {
    try {
      await pack(join(folder, "sources"), tarball);
    } catch (cause) {
      writeFileSync(failure, inspect(cause));
    }
  }
  const end = await until("the package", async () => [tarball, failure].find(existsSync), 180);
  if (end === failure) throw new Error(`it cannot be packed: ${readFileSync(failure, "utf8")}`);
  return tarball;
}

/** The folder of what is in the package, as it is where somebody has installed it. */
export async function unpacked(): Promise<string> {
  await packed();
  return join(inject("packages"), UNPACKED);
}

const UNPACKED = "node_modules/valetkey";

/** Making a folder that is there already fails, so of several processes one is the first. */
function isFirst(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

/** As `npm publish` does it, from what a checkout has. */
async function pack(sources: string, tarball: string): Promise<void> {
  for (const name of CHECKOUT) {
    cpSync(join(ROOT, name), join(sources, name), {
      recursive: true,
      filter: (path) => !NOT_SOURCES.has(basename(path)) && path !== SERVERS,
    });
  }
  symlinkSync(join(ROOT, "node_modules"), join(sources, "node_modules"));
  await run("npm", ["pack", "--pack-destination", sources], { cwd: sources });
  const { name, version } = JSON.parse(readFileSync(join(sources, "package.json"), "utf8"));
  const made = join(sources, `${name}-${version}.tgz`);
  const folder = join(dirname(tarball), UNPACKED);
  mkdirSync(folder, { recursive: true });
  await run("tar", ["-xzf", made, "-C", folder, "--strip-components=1"]);
  renameSync(made, tarball);
}

/** What the package could be made of, and what can lie there that is none of it. */
const CHECKOUT = [
  "domain",
  "application",
  "adapters",
  "deploy",
  "docs",
  "tests",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "LICENSE",
  "README.md",
  "CHANGELOG.md",
  ".gitignore",
  ".npmrc",
];
const NOT_SOURCES = new Set(["node_modules", "dist", ".next"]);
const SERVERS = join(ROOT, "deploy/minio");
