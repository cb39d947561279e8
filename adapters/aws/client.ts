import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import * as Redacted from "effect/Redacted";
import type { AwsSettings } from "./settings.ts";

/**
 * The official client for the store at `endpoint`, or at the provider's own; with the credentials
 * that are configured, those of `chain`, or its own chain.
 */
export function makeClient(
  settings: AwsSettings,
  endpoint: URL | undefined,
  chain?: NonNullable<S3ClientConfig["credentials"]>,
): S3Client {
  return new S3Client({
    region: settings.region,
    forcePathStyle: settings.pathStyle ?? endpoint !== undefined,
    // Otherwise the checksum of an empty body is baked into every signed PUT.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    ...(endpoint === undefined ? {} : { endpoint: endpoint.href }),
    ...(settings.accessKey === undefined || settings.secretKey === undefined
      ? chain && { credentials: chain }
      : {
          credentials: {
            accessKeyId: settings.accessKey,
            secretAccessKey: Redacted.value(settings.secretKey),
            ...(settings.sessionToken === undefined
              ? {}
              : { sessionToken: Redacted.value(settings.sessionToken) }),
          },
        }),
  });
}
