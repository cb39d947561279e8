import * as store from "../storage/minio/storage.ts";
import type { S3Options, Storage, StoreProvider } from "./arguments.ts";
import { storageFrom } from "./options.ts";

/** Where a MinIO is, and its keys. */
export interface MinioOptions extends S3Options {
  /** If the server is not a MinIO: which one it is, and so what it can do. */
  readonly provider?: StoreProvider | undefined;
  /** The address by which this service reaches it, such as `http://127.0.0.1:9000`. */
  readonly endpoint: string | URL;
}

/**
 * A MinIO, or another server of its kind, for `createValetkey`. The package `minio` has to be
 * installed for calls to the bucket; signing needs none. Throws a `TypeError` for wrong options.
 */
export function minio(options: MinioOptions): Storage {
  return storageFrom("minio()", options, store);
}
