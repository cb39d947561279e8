import type * as DateTime from "effect/DateTime";
import type * as Duration from "effect/Duration";
import type * as Redacted from "effect/Redacted";
import type { Audience } from "./presigner.ts";

/** Credentials that may put below one prefix and nothing else. */
export interface CredentialsRequest {
  /** The names that they may write begin with it: it has an end of its own, and a last slash. */
  readonly prefix: string;
  /** 15 minutes to 12 hours, in whole seconds; the store may end them sooner, and Google later. */
  readonly lifetime: Duration.Duration;
  readonly audience: Audience;
}

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
