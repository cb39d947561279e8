import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import type { Audience } from "../../../application/ports/presigner.ts";
import type { AwsSettings } from "./settings.ts";
import { withoutSlashes } from "../signing/bucket-address.ts";

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
