import * as Context from "effect/Context";
import type { Audience } from "../../../application/ports/presigner.ts";
import type { CertificateInUse } from "../certificate/in-use.ts";
import type { ProviderName } from "./providers.ts";
import type { BucketAddress } from "../signing/bucket-address.ts";
import type { CredentialSource, KeySigner } from "../signing/signer.ts";

/** Access to a bucket of S3's API beyond the ports, for commands of operators. */
export class S3Access extends Context.Service<
  S3Access,
  {
    readonly provider: ProviderName;
    readonly certificate?: CertificateInUse | undefined;
    readonly bucket: string;
    readonly region: string;
    readonly addresses: Readonly<Record<Audience, BucketAddress>>;
    /** The service's own key, and those that sign uploads and downloads; they may be the same. */
    readonly signers: Readonly<Record<"service" | "put" | "get", CredentialSource<KeySigner>>>;
  }
>()("valetkey/S3Access") {}

/** The bucket as the service's own key reaches it. */
export const asService = ({ signers, addresses, region }: S3Access["Service"]) => ({
  signer: signers.service,
  address: addresses.internal,
  region,
});
