import * as store from "../storage/azure/storage.ts";
import type { S3Options, Storage } from "./arguments.ts";
import { storageFrom } from "./options.ts";

/** Where a container is, and what signs; without a key, an identity of this machine. */
export interface AzureOptions extends Pick<
  S3Options,
  "bucket" | "createBucket" | "publicEndpoint" | "certificate" | "acceptBroken"
> {
  /** The name of the account; that in `endpoint` if left out. */
  readonly accessKey?: string | undefined;
  /** The key of the account, in base64, or its connection string, which has the others too. */
  readonly secretKey?: string | undefined;
  /** The address of the account, such as `https://NAME.blob.core.windows.net`. */
  readonly endpoint?: string | URL | undefined;
}

/**
 * Azure Blob Storage, for `createValetkey`. The package `@azure/identity` has to be installed where no
 * key is given. Throws a `TypeError` for wrong options.
 */
export function azure(options: AzureOptions): Storage {
  return storageFrom("azure()", options, store);
}
