import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { buildCreate } from "./build-create.ts";
import { makeFolder } from "./make-folder.ts";
import { runCommand } from "./run-command.ts";
import type { Found } from "./setup.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** The packed package. */
export interface Package {
  /** The path of the file that npm would publish. */
  readonly tarball: string;
  /** The folder of what is in it, as it is where somebody has installed it. */
  readonly folder: string;
}

/** Builds and packs the package as `npm publish` does it, out of a copy of what a checkout has. */
export async function pack(): Promise<Found<Package>> {
  const temporary = makeFolder();
  const sources = join(temporary, "sources");
  const folder = join(temporary, "node_modules/valetkey");
  for (const name of CHECKOUT) {
    cpSync(join(ROOT, name), join(sources, name), {
      recursive: true,
      filter: (path) => !NOT_SOURCES.has(basename(path)) && path !== SERVERS,
    });
  }
  symlinkSync(join(ROOT, "node_modules"), join(sources, "node_modules"));
  await runCommand(["npm", "pack", "--pack-destination", temporary], { cwd: sources });
  const { name, version } = JSON.parse(readFileSync(join(sources, "package.json"), "utf8"));
  const tarball = join(temporary, `${name}-${version}.tgz`);
  mkdirSync(folder, { recursive: true });
  await runCommand(["tar", "-xzf", tarball, "-C", folder, "--strip-components=1"]);
  return { value: { tarball, folder }, source: "packed from this checkout" };
}

/** Packs the command `create-valetkey`, and unpacks it as npm has it where it runs it. */
export async function packCreate(): Promise<Found<Package>> {
  const temporary = makeFolder();
  const folder = join(temporary, "node_modules/create-valetkey");
  buildCreate(join(temporary, "built"));
  const command = ["npm", "pack", "--json", "--pack-destination", temporary, "./built"];
  const packed = await runCommand(command, { cwd: temporary });
  const tarball = join(temporary, JSON.parse(packed.stdout)[0].filename);
  mkdirSync(folder, { recursive: true });
  await runCommand(["tar", "-xzf", tarball, "-C", folder, "--strip-components=1"]);
  return { value: { tarball, folder }, source: "packed from this checkout" };
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
