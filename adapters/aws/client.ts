import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import type { AwsSettings } from "./settings.ts";

/**
 * The official client for the store at `endpoint`, or at the provider's own; without credentials,
 * those of its own chain.
 */
export function makeClient(
  settings: AwsSettings,
  endpoint: URL | undefined,
  credentials?: NonNullable<S3ClientConfig["credentials"]>,
): S3Client {
  return new S3Client({
    region: settings.region,
    forcePathStyle: settings.pathStyle,
    // Otherwise the checksum of an empty body is baked into every signed PUT.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    ...(endpoint === undefined ? {} : { endpoint: endpoint.href }),
    ...(credentials === undefined ? {} : { credentials }),
  });
}
