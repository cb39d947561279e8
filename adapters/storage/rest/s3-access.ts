import * as Context from "effect/Context";
import type { Audience } from "../../../application/ports/presigner.ts";
import type { ProviderName } from "../providers.ts";
import type { BucketAddress } from "../signing/bucket-address.ts";
import type { Held, KeySigner } from "../signing/signer.ts";

/**
 * What a command for operators needs of a bucket of S3's API beyond the ports: it sends requests
 * with each of the keys, to each of the addresses. Stores of S3's API provide it with their layer.
 */
export class S3Access extends Context.Service<
  S3Access,
  {
    readonly provider: ProviderName;
    readonly bucket: string;
    readonly region: string;
    readonly addresses: Readonly<Record<Audience, BucketAddress>>;
    /** The service's own key, and those that sign uploads and downloads; they may be the same. */
    readonly signers: Readonly<Record<"service" | "put" | "get", Held<KeySigner>>>;
  }
>()("valetkey/S3Access") {}
