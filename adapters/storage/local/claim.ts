import { lstat, unlink, utimes, writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { codeOf } from "../../thrown.ts";

/**
 * Runs `work` once no other process runs its own under the same path. The claim is a file that is
 * touched each second; one that is not was left by a process that has ended. Several processes that
 * find such a file may run at once, so that this must be wasteful at worst.
 */
export async function withClaim<A>(path: string, work: () => Promise<A>): Promise<A> {
  while (!(await tryClaim(path))) await pause(50);
  const touch = () => void utimes(path, new Date(), new Date()).catch(() => undefined);
  const touching = setInterval(touch, 1000);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    await unlink(path).catch(() => undefined);
  }
}

/** Milliseconds after the last touch. */
const CLAIM_TIMEOUT = 10_000;

async function tryClaim(path: string): Promise<boolean> {
  try {
    await writeFile(path, "", { flag: "wx", mode: 0o600 });
    return true;
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw cause;
  }
  const { mtimeMs = Date.now() } = (await lstat(path).catch(() => undefined)) ?? {};
  // A clock that was set back makes claims of the future.
  if (Math.abs(Date.now() - mtimeMs) > CLAIM_TIMEOUT) await unlink(path).catch(() => undefined);
  return false;
}
