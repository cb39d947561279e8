import { openFolder } from "../../adapters/storage/local/folder.ts";
import { writeEmpty } from "../../adapters/storage/local/objects.ts";

/** Puts an empty file into the folder of an embedded store, under a key. */
export const storeFile = async (directory: string, key: string): Promise<void> =>
  writeEmpty(await openFolder(directory), `/files/${key}`);
