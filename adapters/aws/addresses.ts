import type { S3Client } from "@aws-sdk/client-s3";
import type { Audience } from "../../application/ports/presigner.ts";
import type { BucketAddress } from "../signing/bucket-address.ts";
import type { AwsSettings } from "./settings.ts";

/**
 * Where the endpoint rules of the official client place the bucket, for each audience; FIPS and
 * dual-stack endpoints as the usual variables and profiles ask for them.
 */
export async function addresses(
  settings: AwsSettings,
  { public: external, internal }: Readonly<Record<Audience, S3Client>>,
): Promise<Readonly<Record<Audience, BucketAddress>>> {
  const UseFIPS = await internal.config.useFipsEndpoint();
  const UseDualStack = await internal.config.useDualstackEndpoint();
  const at = (client: S3Client, endpoint: URL | undefined): BucketAddress => {
    const { url } = client.config.endpointProvider({
      Bucket: settings.bucket,
      Region: settings.region,
      ForcePathStyle: client.config.forcePathStyle,
      UseFIPS,
      UseDualStack,
      ...(endpoint === undefined ? {} : { Endpoint: endpoint.href }),
    });
    const path = url.pathname.replace(/\/+$/, "");
    return { origin: url.origin, host: url.host, unsignedPrefix: "", path };
  };
  return {
    public: at(external, settings.publicEndpoint ?? settings.endpoint),
    internal: at(internal, settings.endpoint),
  };
}
