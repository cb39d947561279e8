import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Builds and packs the package, and lints what was packed; tests/release/ installs and uses it.

const folder = mkdtempSync(join(tmpdir(), "valetkey-package-"));
const run = (command: string, args: ReadonlyArray<string>) =>
  execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

try {
  // What building says comes first, and the file's name last.
  const lines = run("npm", ["pack", "--silent", "--pack-destination", folder]).trim().split("\n");
  const tarball = join(folder, lines.at(-1) ?? "");
  run("publint", ["run", tarball, "--strict"]);
  run("attw", [tarball, "--profile", "esm-only", "--format", "ascii"]);
  console.log(`${lines.at(-1)} is what package managers and compilers expect`);
} finally {
  rmSync(folder, { recursive: true });
}
