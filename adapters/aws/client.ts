import { S3Client } from "@aws-sdk/client-s3";
import * as Redacted from "effect/Redacted";
import type { AwsSettings } from "./settings.ts";

/** The official client for the store at `endpoint`, or at the provider's own. */
export function makeClient(settings: AwsSettings, endpoint: URL | undefined): S3Client {
  return new S3Client({
    region: settings.region,
    forcePathStyle: settings.pathStyle ?? endpoint !== undefined,
    // Otherwise the checksum of an empty body is baked into every signed PUT.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    ...(endpoint === undefined ? {} : { endpoint: endpoint.href }),
    ...(settings.accessKey === undefined || settings.secretKey === undefined
      ? {}
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
