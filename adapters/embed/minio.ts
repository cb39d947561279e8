import { unmounted } from "../http/mounts.ts";
import { read, settings } from "../minio/settings.ts";
import { store } from "../minio/store.ts";
import { asStorage } from "./hidden.ts";
import { envOf, orThrow } from "./options.ts";
import type { S3Options } from "./store-options.ts";
import type { Storage } from "./valetkey-options.ts";

/** Where a MinIO is, and its keys. */
export interface MinioOptions extends S3Options {
  /** How this service reaches it, such as `http://127.0.0.1:9000`. */
  readonly endpoint: string | URL;
}

/**
 * A MinIO, or another server of its kind, for `createValetkey`. The package `minio` has to be
 * installed for calls to the bucket; signing needs none. Throws a `TypeError` for wrong options.
 */
export function minio(options: MinioOptions): Storage {
  const { env, faults } = envOf(options, settings);
  const values = orThrow(read(env), { what: "minio()", settings, faults });
  return asStorage(() => unmounted(store(values)));
}
