import { existsSync } from "node:fs";
import { join } from "node:path";
import { whereIs } from "./on-path.ts";
import type { Found } from "./setup.ts";
import { CACHE, cached } from "./cached.ts";
import { installFromNpm } from "./installing.ts";

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
    process.env[variable] || (existsSync(binary) || (await install(version)) ? binary : undefined);
  const command = `npm install --prefix ${folder} ${PACKAGE}@${version}`;
  return { value, source: value ?? `${command}, or ${variable}=…` };
}

/** Installs a version once into the user's cache, if it may. */
async function install(version: string): Promise<boolean> {
  if (process.env["TEST_BUILD"] === "off" || whereIs("npm") === undefined) return false;
  try {
    await cached(`node-${version}`, (fresh) => {
      console.error(`Installing Node ${version} with npm, once, into ${CACHE} (about 50 MB)...`);
      return installFromNpm(["install", "--prefix", fresh, `${PACKAGE}@${version}`], {});
    });
    return true;
  } catch (cause) {
    console.error(`${cause}`);
    return false;
  }
}
