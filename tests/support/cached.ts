import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Where what was built or installed once is kept. */
export const CACHE = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "valetkey");

/** A folder of the user's cache, which is filled once: it is whole, or not there. */
export async function cached(
  name: string,
  fill: (folder: string) => Promise<unknown> | void,
): Promise<string> {
  const folder = join(CACHE, name);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const fresh = mkdtempSync(`${folder}.`);
  try {
    await fill(fresh);
    renameSync(fresh, folder);
  } catch (cause) {
    // Another process may have been sooner.
    if (!existsSync(folder)) throw cause;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}
