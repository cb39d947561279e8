import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import type { Found } from "./setup.ts";

const VERSION = "22.23.3";
const { platform, arch } = process;
// The package `node` would bring this one by a script; as a development dependency it would be
// the second that has a claim to `node_modules/.bin/node`.
const PACKAGE = `${platform === "darwin" && arch === "arm64" ? "node-bin" : "node"}-${platform}-${arch}`;
const CACHE = join(
  process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"),
  "valetkey",
  `node-${VERSION}`,
);
const BINARY = join(CACHE, "node_modules", PACKAGE, "bin", "node");

/**
 * Takes the first that is there: the binary that `TEST_NODE_22` names, one in the user's cache,
 * npm to install one there (unless `TEST_BUILD=off`).
 */
export async function findNode22(): Promise<Found<string>> {
  const mayInstall = process.env["TEST_BUILD"] !== "off" && isOnPath("npm");
  const value =
    process.env["TEST_NODE_22"] ||
    (existsSync(BINARY) ? BINARY : undefined) ||
    (mayInstall ? await install() : undefined);
  return {
    value,
    source: value ?? `npm install --prefix ${CACHE} ${PACKAGE}@${VERSION}, or TEST_NODE_22=…`,
  };
}

/** Installs it once into the user's cache, and gives its path. */
async function install(): Promise<string | undefined> {
  console.error(`Installing Node ${VERSION} with npm, once, into ${CACHE} (about 50 MB)...`);
  const child = spawn(
    "npm",
    ["install", "--prefix", CACHE, "--no-audit", "--no-fund", `${PACKAGE}@${VERSION}`],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  await once(child, "close");
  return child.exitCode === 0 && existsSync(BINARY) ? BINARY : undefined;
}

const isOnPath = (name: string) =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, name)));
