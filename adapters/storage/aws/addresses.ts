import type { S3Client } from "@aws-sdk/client-s3";
import type { Audience } from "../../../application/ports/presigner.ts";
import type { BucketAddress } from "../signing/bucket-address.ts";
import { placeOf } from "./client.ts";
import type { AwsSettings } from "./settings.ts";
import { withoutSlashes } from "../signing/bucket-address.ts";

/**
 * Where the endpoint rules of the official client place the bucket, for each audience; FIPS and
 * dual-stack endpoints as the usual variables and profiles ask for them.
 */
export async function addresses(
  settings: AwsSettings,
  { config }: S3Client,
): Promise<Readonly<Record<Audience, BucketAddress>>> {
  const UseFIPS = await config.useFipsEndpoint();
  const UseDualStack = await config.useDualstackEndpoint();
  const at = (audience: Audience): BucketAddress => {
    const { endpoint, pathStyle } = placeOf(settings, audience);
    const { url } = config.endpointProvider({
      Bucket: settings.bucket,
      Region: settings.region,
      ForcePathStyle: pathStyle,
      UseFIPS,
      UseDualStack,
      ...(endpoint === undefined ? {} : { Endpoint: endpoint.href }),
    });
    const path = withoutSlashes(url.pathname);
    return { origin: url.origin, host: url.host, unsignedPrefix: "", path };
  };
  return { public: at("public"), internal: at("internal") };
}
