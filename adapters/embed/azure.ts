import * as store from "../storage/azure/storage.ts";
import type { S3Options, Storage } from "./arguments.ts";
import { storageFrom } from "./options.ts";

/** The place of a container, and its key; without a key, an identity of this machine signs. */
export interface AzureOptions extends Pick<
  S3Options,
  | "bucket"
  | "createBucket"
  | "publicEndpoint"
  | "certificate"
  | "acceptBroken"
  | "untrusted"
  | "allowPrivate"
> {
  /** The name of the account; that in `endpoint` if left out. */
  readonly accessKey?: string | undefined;
  /** The key of the account, in base64, or its connection string, which has the others too. */
  readonly secretKey?: string | undefined;
  /** The address of the account, such as `https://NAME.blob.core.windows.net`. */
  readonly endpoint?: string | URL | undefined;
  /** The id of the tenant whose identity is used. */
  readonly tenantId?: string | undefined;
  /** The id and the secret of an application of that tenant; this machine's identity if left out. */
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
}

/**
 * Makes the store for `createValetkey` of Azure Blob Storage. The package `@azure/identity` has to
 * be installed if no key is set. Throws a `TypeError` for wrong options.
 */
export function azure(options: AzureOptions): Storage {
  return storageFrom("azure()", options, store);
}
