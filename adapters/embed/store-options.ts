import type { Env } from "../settings/source.ts";

/** What the stores have in common. */
export interface StoreOptions {
  /** `files` if left out. */
  readonly bucket?: string | undefined;
  /** Whether a missing bucket is made by `ready()`. */
  readonly createBucket?: boolean | undefined;
  /** How browsers reach the store; as this service does if left out. */
  readonly publicEndpoint?: string | URL | undefined;
  /** `https://host/bucket/key` rather than `https://bucket.host/key`. */
  readonly pathStyle?: boolean | undefined;
  /** The name of an access key. */
  readonly accessKey?: string | undefined;
  /** The secret of the access key. */
  readonly secretKey?: string | undefined;
  /** The path of a JSON file with the key in place of both, which may change. */
  readonly credentialsFile?: string | undefined;
  /** A key that signs uploads and may do nothing else. */
  readonly putAccessKey?: string | undefined;
  readonly putSecretKey?: string | undefined;
  /** A key that signs downloads and may do nothing else. */
  readonly getAccessKey?: string | undefined;
  readonly getSecretKey?: string | undefined;
}

/** What stores that speak the API of S3 have in common. */
export interface S3Options extends StoreOptions {
  readonly region?: string | undefined;
  /** The tokens that came with temporary keys. */
  readonly sessionToken?: string | undefined;
  readonly putSessionToken?: string | undefined;
  readonly getSessionToken?: string | undefined;
}

/** The variables of a cloud's own tools, which its chain of credentials reads as well. */
export const variablesOf = (cloud: "AWS" | "GOOGLE"): Env =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith(`${cloud}_`)));
