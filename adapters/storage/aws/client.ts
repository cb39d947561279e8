import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import type { Audience } from "../../../application/ports/presigner.ts";
import { type BucketAddress, withoutSlashes } from "../signing/bucket-address.ts";
import type { AwsSettings } from "./settings.ts";

/** Where an audience reaches the store, and whether the bucket is part of the path there. */
export function placeOf(
  { endpoint, publicEndpoint, pathStyle, publicPathStyle = pathStyle }: AwsSettings,
  audience: Audience,
): { readonly endpoint: URL | undefined; readonly pathStyle: boolean } {
  return audience === "internal" || publicEndpoint === undefined
    ? { endpoint, pathStyle }
    : { endpoint: publicEndpoint, pathStyle: publicPathStyle };
}

/**
 * The official client for the store as an audience reaches it; without credentials, those of its
 * own chain.
 */
export function makeClient(
  settings: AwsSettings,
  audience: Audience,
  credentials?: NonNullable<S3ClientConfig["credentials"]>,
): S3Client {
  const { endpoint, pathStyle } = placeOf(settings, audience);
  return new S3Client({
    region: settings.region,
    forcePathStyle: pathStyle,
    // Otherwise the checksum of an empty body is baked into every signed PUT.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // The session of a directory bucket would end before the URL that it signs.
    disableS3ExpressSessionAuth: true,
    // Its rules for virtual hosts would put a second slash behind one at the end of the path.
    ...(endpoint === undefined ? {} : { endpoint: withoutSlashes(endpoint.href) }),
    ...(credentials === undefined ? {} : { credentials }),
  });
}

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
