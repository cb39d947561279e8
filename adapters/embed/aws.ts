import * as store from "../storage/aws/storage.ts";
import type { S3Options, Storage, StoreProvider } from "./arguments.ts";
import { storageFrom } from "./options.ts";

/** The place and keys of a bucket; without keys, Amazon's chain of credentials is used. */
export interface AwsOptions extends S3Options {
  /** If left out, `"aws"`, or `"s3"` with an `endpoint` that is not Amazon's. */
  readonly provider?: StoreProvider | undefined;
  /** The account at Cloudflare, for `"r2"`. */
  readonly account?: string | undefined;
  /** The address by which this service reaches the store; the provider's if left out. */
  readonly endpoint?: string | URL | undefined;
  /** The ARN of a role to assume for everything. */
  readonly role?: string | undefined;
  /** The ARN of a role to assume for temporary credentials; `role` at AWS if left out. */
  readonly credentialsRole?: string | undefined;
  /** The external id that roles ask for. */
  readonly externalId?: string | undefined;
  /** ARNs of the roles that sign uploads and downloads. */
  readonly putRole?: string | undefined;
  readonly getRole?: string | undefined;
  /** The signature of this package, or the official presigner's; `"native"` if left out. */
  readonly signer?: "native" | "sdk" | undefined;
}

/**
 * Makes the store for `createValetkey` of Amazon S3, or of another provider of its API. The package
 * `@aws-sdk/client-s3` has to be installed. Throws a `TypeError` for wrong options.
 */
export function aws(options: AwsOptions = {}): Storage {
  return storageFrom("aws()", options, store);
}
