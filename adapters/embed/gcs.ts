import * as store from "../storage/gcs/storage.ts";
import type { S3Options, Storage, StoreOptions } from "./arguments.ts";
import { storageFrom } from "./options.ts";

/**
 * The place of a bucket, and who signs: the key of a service account, an HMAC key (`accessKey`,
 * `secretKey`), or without either the account of this machine, by IAM.
 */
export interface GcsOptions extends StoreOptions, Pick<S3Options, "certificate" | "acceptBroken"> {
  /** The key of a service account, as its JSON or parsed. */
  readonly credentials?: string | object | undefined;
  /** The location of a missing bucket, such as `europe-west3`. */
  readonly location?: string | undefined;
  /** Google's if left out. */
  readonly endpoint?: string | URL | undefined;
  /** A domain by which browsers reach the bucket. */
  readonly customDomain?: string | URL | undefined;
  /** The service account to impersonate for everything, with the account of this machine. */
  readonly role?: string | undefined;
  /** The service accounts that sign uploads and downloads by IAM, if there is no key. */
  readonly putRole?: string | undefined;
  readonly getRole?: string | undefined;
  /** The address of IAM; Google's if left out. */
  readonly iamEndpoint?: string | URL | undefined;
}

/**
 * Makes the store for `createValetkey` of Google Cloud Storage. The packages
 * `@google-cloud/storage` and `google-auth-library` have to be installed for calls to the bucket;
 * signing with a key needs none. Throws a `TypeError` for wrong options.
 */
export function gcs(options: GcsOptions = {}): Storage {
  return storageFrom("gcs()", options, store);
}
