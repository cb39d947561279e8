import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

/** Of a project that has nothing yet. */
export const MANIFEST = '{ "type": "module", "private": true }';

/** Installs a packed package in an empty folder, with `others` of the registry. */
export async function installPackage(
  folder: string,
  tarball: string,
  others: ReadonlyArray<string> = [],
): Promise<void> {
  writeFileSync(join(folder, "package.json"), MANIFEST);
  const install = ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball, ...others];
  await promisify(execFile)("npm", install, { cwd: folder });
}
