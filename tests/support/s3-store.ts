import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import { always } from "../../adapters/storage/credentials/held.ts";
import { layer as minio } from "../../adapters/storage/minio/layer.ts";
import type { MinioSettings } from "../../adapters/storage/minio/settings.ts";
import type { Bucket } from "../../adapters/storage/rest/signed-fetch.ts";
import { AWS4_HMAC_SHA256 } from "../../adapters/storage/signing/algorithms.ts";
import { bucketAddress } from "../../adapters/storage/signing/bucket-address.ts";
import { signWith } from "../../adapters/storage/signing/signer.ts";
import { layer as telemetry } from "../../adapters/telemetry/log.ts";

/** Settings of the bucket `files` of a server of S3's API, a MinIO unless another is named. */
export const s3Settings = (
  endpoint: URL | string,
  over: Partial<MinioSettings> = {},
): MinioSettings => ({
  provider: "minio",
  bucket: "files",
  createBucket: false,
  region: "us-east-1",
  endpoint: new URL(endpoint),
  accessKey: "key",
  secretKey: Redacted.make("secret"),
  pathStyle: true,
  ...over,
});

/** Without what it would log. */
export const quiet = telemetry({ level: "none", format: "json" });

/** Such a store, which logs nothing. The AWS adapter makes the same calls. */
export const s3Store = (...settings: Parameters<typeof s3Settings>) =>
  Layer.provide(minio(s3Settings(...settings)), quiet);

/** Such a bucket, as the calls of the adapter take it. */
export const s3Bucket = (endpoint: URL): Bucket => ({
  signer: always(signWith({ algorithm: AWS4_HMAC_SHA256, accessKey: "key", secretKey: "secret" })),
  region: "us-east-1",
  address: bucketAddress({ endpoint, bucket: "files", pathStyle: true, signsPath: false }),
});
