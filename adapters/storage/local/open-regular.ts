import { constants } from "node:fs";
import { type FileHandle, lstat, open } from "node:fs/promises";
import { codeOf } from "../../settings/thrown.ts";

/**
 * Opens a file for reading that must be a file itself: neither a link, which could lead out of
 * the store's folder, nor a pipe, which would block. Undefined when there is nothing.
 */
export async function openRegular(path: string): Promise<FileHandle | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw cause;
  }
  try {
    // Deno does not pass O_NOFOLLOW on when its permissions are restricted.
    const [opened, named] = await Promise.all([file.stat(), lstat(path)]);
    if (opened.isFile() && named.isFile() && opened.ino === named.ino) return file;
    throw new Error(`${path} is not a file of the store`);
  } catch (cause) {
    await file.close();
    throw cause;
  }
}
