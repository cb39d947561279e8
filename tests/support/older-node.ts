import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { whereIs } from "./on-path.ts";
import type { Found } from "./setup.ts";
import { CACHE } from "./tools.ts";

/**
 * The newest of each line that the package is for, and of one before; the last one as
 * `deploy/launch.cjs` has it.
 */
const VERSIONS = { 20: "20.20.2", 22: "22.23.3", 24: "24.21.0", 26: "26.10.0" } as const;

const { platform, arch } = process;
// The package `node` would bring this one by a script.
const PACKAGE = `${platform === "darwin" && arch === "arm64" ? "node-bin" : "node"}-${platform}-${arch}`;

/**
 * Takes the first that is there: the binary that `TEST_NODE_22` (say) names, one in the user's
 * cache, npm to install one there (unless `TEST_BUILD=off`).
 */
export async function findOlderNode(line: keyof typeof VERSIONS): Promise<Found<string>> {
  const variable = `TEST_NODE_${line}`;
  const version = VERSIONS[line];
  const folder = join(CACHE, `node-${version}`);
  const binary = join(folder, "node_modules", PACKAGE, "bin", "node");
  const value =
    process.env[variable] ||
    (existsSync(binary) || (await install(version, folder)) ? binary : undefined);
  const command = `npm install --prefix ${folder} ${PACKAGE}@${version}`;
  return { value, source: value ?? `${command}, or ${variable}=…` };
}

/** Installs a version once into the user's cache, if it may. */
async function install(version: string, folder: string): Promise<boolean> {
  if (process.env["TEST_BUILD"] === "off" || whereIs("npm") === undefined) return false;
  console.error(`Installing Node ${version} with npm, once, into ${folder} (about 50 MB)...`);
  const fresh = `${folder}.${process.pid}`;
  const child = spawn(
    "npm",
    ["install", "--prefix", fresh, "--no-audit", "--no-fund", `${PACKAGE}@${version}`],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  await once(child, "close");
  // A folder of that name is whole.
  if (child.exitCode === 0) renameSync(fresh, folder);
  return child.exitCode === 0;
}
