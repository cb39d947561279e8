import * as store from "../storage/minio/storage.ts";
import type { S3Options, Storage, StoreProvider } from "./arguments.ts";
import { storageFrom } from "./options.ts";

/** The address of a MinIO, and its keys. */
export interface MinioOptions extends S3Options {
  /** The server, if it is not a MinIO: its abilities depend on it. */
  readonly provider?: StoreProvider | undefined;
  /** The address by which this service reaches it, such as `http://127.0.0.1:9000`. */
  readonly endpoint: string | URL;
}

/**
 * Makes the store for `createValetkey` of a MinIO, or of another server of its kind. The package
 * `minio` has to be installed for calls to the bucket; signing needs none. Throws a `TypeError` for
 * wrong options.
 */
export function minio(options: MinioOptions): Storage {
  return storageFrom("minio()", options, store);
}
