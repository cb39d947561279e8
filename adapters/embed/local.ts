import * as store from "../storage/local/storage.ts";
import type { Storage } from "./arguments.ts";
import { storageFrom } from "./options.ts";

/** The place of the embedded store's files. */
export interface LocalOptions {
  /** A folder that Valetkey alone writes to; `.valetkey` if left out. */
  readonly directory?: string | undefined;
  /** `files` if left out. */
  readonly bucket?: string | undefined;
}

/**
 * Makes the embedded store for `createValetkey`: files in a folder, which `fetch` serves under
 * `/store/`. Throws a `TypeError` for wrong options.
 */
export function local(options: LocalOptions = {}): Storage {
  return storageFrom("local()", options, store);
}
