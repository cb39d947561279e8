import * as Context from "effect/Context";
import type { Audience } from "../../../application/ports/presigner.ts";
import type { CertificateInUse } from "../certificate/in-use.ts";
import type { Bucket } from "../rest/signed-fetch.ts";
import type { BucketAddress } from "../signing/bucket-address.ts";
import type { CredentialSource, KeySigner } from "../signing/signer.ts";
import type { ProviderName } from "./providers.ts";

/** Access to a bucket of S3's API with the service's own key, for operators' commands. */
export class S3Access extends Context.Service<
  S3Access,
  Bucket & {
    readonly provider: ProviderName;
    readonly certificate?: CertificateInUse | undefined;
    readonly bucket: string;
    readonly addresses: Readonly<Record<Audience, BucketAddress>>;
    /** Signers with the keys of the service, of uploads and of downloads; some may be the same. */
    readonly signers: Readonly<Record<"service" | "put" | "get", CredentialSource<KeySigner>>>;
  }
>()("valetkey/S3Access") {}
