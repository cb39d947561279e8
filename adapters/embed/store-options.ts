import * as Record from "effect/Record";
import type { Store } from "../storage/storage.ts";
import { Storage } from "./opaque.ts";
import { readOptions } from "./options.ts";

/** Options of all stores with an API. */
export interface StoreOptions {
  /** `files` if left out. */
  readonly bucket?: string | undefined;
  /** Lets `ready()` make a missing bucket. */
  readonly createBucket?: boolean | undefined;
  /** The address of the store for browsers; that of this service if left out. */
  readonly publicEndpoint?: string | URL | undefined;
  /** URLs are `https://host/bucket/key` rather than `https://bucket.host/key`. */
  readonly pathStyle?: boolean | undefined;
  /** The id of the access key. */
  readonly accessKey?: string | undefined;
  /** The secret of the access key. */
  readonly secretKey?: string | undefined;
  /** In place of both: the path of a JSON file with the key, which may change. */
  readonly credentialsFile?: string | undefined;
  /** A key that may only upload, and signs uploads. */
  readonly putAccessKey?: string | undefined;
  readonly putSecretKey?: string | undefined;
  /** A key that may only download, and signs downloads. */
  readonly getAccessKey?: string | undefined;
  readonly getSecretKey?: string | undefined;
}

/** Whose store of S3's API it is. */
export type StoreProvider =
  | ("aws" | "minio" | "ceph" | "seaweedfs" | "versitygw" | "swift" | "rustfs")
  | ("silo" | "garage" | "r2" | "b2" | "wasabi" | "spaces" | "s3");

/** Options of stores with the API of S3. */
export interface S3Options extends StoreOptions {
  /** What `valetkey certify --output` wrote of this store: the path of its file, or its content. */
  readonly certificate?: string | object | undefined;
  /** Starts although it shows that the store breaks what every store must keep. */
  readonly acceptBroken?: boolean | undefined;
  readonly region?: string | undefined;
  /** The tokens that came with temporary keys. */
  readonly sessionToken?: string | undefined;
  readonly putSessionToken?: string | undefined;
  readonly getSessionToken?: string | undefined;
}

/** Reads the options of a store, and what its cloud's own tools read, but no variable of ours. */
export function storageFrom(what: string, given: object, store: Store): Storage {
  const env = Record.filter(process.env, (_, name) => !name.startsWith("STORAGE_"));
  return new Storage(readOptions(what, given, { ...store, env }));
}
