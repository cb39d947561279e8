import * as adapter from "../storage/local/storage.ts";
import { Storage } from "./opaque.ts";
import { readOptions } from "./options.ts";

/** Where the embedded store keeps its files. */
export interface LocalOptions {
  /** A folder that Valetkey alone writes to; `.valetkey` if left out. */
  readonly directory?: string | undefined;
  /** `files` if left out. */
  readonly bucket?: string | undefined;
}

/**
 * The embedded store, for `createValetkey`: files in a folder, which `fetch` serves under
 * `/store/`. Throws a `TypeError` for wrong options.
 */
export function local(options: LocalOptions = {}): Storage {
  const values = readOptions("local()", options, adapter);
  return new Storage((publicUrl) => adapter.embeddedStorage(values, publicUrl));
}
