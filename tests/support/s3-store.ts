import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as ManagedRuntime from "effect/ManagedRuntime";
import * as Redacted from "effect/Redacted";
import { Client } from "minio";
import { onTestFinished } from "vitest";
import { always } from "../../adapters/storage/credentials/held.ts";
import { layer as minio } from "../../adapters/storage/minio/layer.ts";
import type { S3Settings } from "../../adapters/storage/s3/settings.ts";
import type { Bucket } from "../../adapters/storage/rest/signed-fetch.ts";
import { AWS4_HMAC_SHA256 } from "../../adapters/storage/signing/algorithms.ts";
import { bucketAddress } from "../../adapters/storage/signing/bucket-address.ts";
import { signWith } from "../../adapters/storage/signing/signer.ts";
import { layer as telemetry } from "../../adapters/telemetry/log.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";

/** Settings of the bucket `files` of a server of S3's API, a MinIO unless another is named. */
export const s3Settings = (endpoint: URL | string, over: Partial<S3Settings> = {}): S3Settings => ({
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
export const s3Bucket = (
  endpoint: URL | string,
  { bucket = "files", accessKey = "key", secretKey = "secret" } = {},
): Bucket => ({
  signer: always(signWith({ algorithm: AWS4_HMAC_SHA256, accessKey, secretKey })),
  region: "us-east-1",
  address: bucketAddress({
    endpoint: new URL(endpoint),
    bucket,
    pathStyle: true,
    signsPath: false,
  }),
});

/** A server of S3's API, and the key that may do everything there. */
interface S3Server {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region?: string;
}

/** MinIO's own client of such a server. */
export function s3Client({
  endpoint,
  accessKey,
  secretKey,
  region = "us-east-1",
}: S3Server): Client {
  const { hostname, port, protocol } = new URL(endpoint);
  return new Client({
    endPoint: hostname,
    useSSL: protocol === "https:",
    region,
    accessKey,
    secretKey,
    ...(port === "" ? {} : { port: Number(port) }),
  });
}

/** A new bucket of a server with what uses it, until the test has ended. */
export async function openBucket(
  server: S3Server | undefined,
  {
    lock = false,
    versions = false,
    ...over
  }: { lock?: boolean; versions?: boolean } & Partial<S3Settings>,
) {
  if (server === undefined) throw new Error("there is no server");
  const bucket = `bucket-${crypto.randomUUID()}`;
  const { endpoint, accessKey, secretKey } = server;
  const client = s3Client(server);
  await client.makeBucket(bucket, server.region ?? "us-east-1", { ObjectLocking: lock });
  if (versions) await client.setBucketVersioning(bucket, { Status: "Enabled" });
  const keys = { accessKey, secretKey: Redacted.make(secretKey) };
  const runtime = ManagedRuntime.make(s3Store(endpoint, { bucket, ...keys, ...over }));
  onTestFinished(() => runtime.dispose());
  const services = Effect.all({ presigner: Presigner, store: ObjectStore });
  return { client, bucket, ...(await runtime.runPromise(services)) };
}
