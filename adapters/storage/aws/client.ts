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

/** The official client; without credentials, with those of its own chain. */
export function makeClient(
  { region, endpoint, pathStyle }: AwsSettings,
  credentials?: NonNullable<S3ClientConfig["credentials"]>,
): S3Client {
  return new S3Client({
    region,
    forcePathStyle: pathStyle,
    // A store of another provider may not know the checksums that it would add.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // The session of a directory bucket would end before the URL that it signs.
    disableS3ExpressSessionAuth: true,
    // Its rules for virtual hosts would put a second slash behind one at the end of the path.
    ...(endpoint === undefined ? {} : { endpoint: withoutSlashes(endpoint.href) }),
    ...(credentials === undefined ? {} : { credentials }),
  });
}

/** What a signature for the bucket names. */
export interface SigningScope {
  /** Such as `s3`, or `s3express` for a directory bucket. */
  readonly signingName: string;
  /** `*` for an access point of several regions. */
  readonly signingRegion: string;
}

/**
 * Where the endpoint rules of the official client place the bucket for each audience. FIPS,
 * dual-stack endpoints and the regions of ARNs are as the usual variables and profiles set them.
 */
export async function locate(
  settings: AwsSettings,
  { config }: S3Client,
): Promise<Readonly<Record<Audience, BucketAddress & { readonly scope: SigningScope }>>> {
  const { bucket: Bucket, region: Region } = settings;
  const UseFIPS = await config.useFipsEndpoint();
  const UseDualStack = await config.useDualstackEndpoint();
  const { useArnRegion } = config;
  const UseArnRegion = typeof useArnRegion === "function" ? await useArnRegion() : useArnRegion;
  const at = (audience: Audience) => {
    const { endpoint, pathStyle } = placeOf(settings, audience);
    const { url, properties } = config.endpointProvider({
      Bucket,
      Region,
      ForcePathStyle: pathStyle,
      UseFIPS,
      UseDualStack,
      UseArnRegion,
      DisableS3ExpressSessionAuth: true,
      ...(endpoint === undefined ? {} : { Endpoint: endpoint.href }),
    });
    const path = withoutSlashes(url.pathname);
    const [scheme = { signingName: "s3", signingRegion: Region }] = properties?.authSchemes ?? [];
    const { signingName, signingRegion = "*" } = scheme;
    const scope = { signingName, signingRegion };
    return { origin: url.origin, host: url.host, unsignedPrefix: "", path, scope };
  };
  return { public: at("public"), internal: at("internal") };
}
