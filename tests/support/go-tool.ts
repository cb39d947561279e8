import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { whereIs } from "./on-path.ts";
import { CACHE } from "./cached.ts";

/** A program that Go's module proxy has the source of. */
interface GoTool {
  readonly name: string;
  readonly version: string;
  /** Of the command, without the version. */
  readonly path: string;
}

/**
 * The first that is there: one in the user's cache, one on the path or in Go's folder, one that Go
 * builds now into the cache (unless `TEST_BUILD=off`).
 */
export async function findGoTool({ name, version, path }: GoTool): Promise<string | undefined> {
  const folder = join(CACHE, `${name}-${version}`);
  const built = join(folder, name);
  const found = existsSync(built) ? built : whereIs(name, GO_BIN);
  if (found !== undefined || !mayBuild()) return found;
  console.error(`Building ${name} with Go, once, into ${folder} (about a minute)...`);
  const child = spawn("go", ["install", `${path}@${version}`], {
    env: { ...process.env, GOBIN: folder, CGO_ENABLED: "0" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  await once(child, "close");
  if (child.exitCode === 0) {
    // Go names it after its folder, which may be as general as "server".
    const named = join(folder, basename(path));
    if (existsSync(named)) renameSync(named, built);
    return built;
  }
  console.error(said);
  return undefined;
}

/** Where Go puts what it installs. */
export const GO_BIN = join(process.env["GOPATH"] ?? join(homedir(), "go"), "bin");

/** Whether Go is here, and may be used. */
export const mayBuild = () => process.env["TEST_BUILD"] !== "off" && whereIs("go") !== undefined;
