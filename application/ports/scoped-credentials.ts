import type * as DateTime from "effect/DateTime";
import type * as Redacted from "effect/Redacted";

/**
 * What a tool needs to speak to the store itself. They put, also in parts, and list below the prefix
 * if the store can bound that; they neither read nor remove.
 */
export type ScopedCredentials = {
  readonly expiresAt: DateTime.Utc;
  readonly bucket: string;
  /** The store's address without the bucket, as tools want it: no slash at its end. */
  readonly endpoint: string;
} & (
  | {
      readonly kind: "s3";
      readonly region: string;
      /** True if the bucket stands in the path of addresses. */
      readonly pathStyle: boolean;
      readonly accessKeyId: string;
      readonly secretAccessKey: Redacted.Redacted;
      readonly sessionToken: Redacted.Redacted;
    }
  | { readonly kind: "gcs"; readonly accessToken: Redacted.Redacted }
  /** A query for addresses of blobs, without `?`; `bucket` is the container. */
  | { readonly kind: "azure"; readonly sas: Redacted.Redacted }
);
