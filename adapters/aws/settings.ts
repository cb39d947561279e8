import * as Schema from "effect/Schema";
import {
  type Env,
  fault,
  optional,
  type Read,
  readSettings,
  setting,
  type Values,
  withDefault,
} from "../settings/setting.ts";
import * as storage from "../settings/storage.ts";

/** Variables of `STORAGE_ADAPTER=aws`. */
export const settings = {
  bucket: withDefault(
    setting("STORAGE_BUCKET", {
      codec: Schema.Union([storage.BucketName, Schema.String.check(Schema.isPattern(/^arn:\S+$/))]),
      shape: "a bucket name (3 to 63 lower-case letters, digits, dots and hyphens) or an ARN",
      example: "files",
    }),
    "files",
  ),
  createBucket: storage.createBucket,
  region: storage.region,
  endpoint: optional(storage.endpoint),
  publicEndpoint: storage.publicEndpoint,
  accessKey: optional(storage.accessKey),
  secretKey: optional(storage.secretKey),
  sessionToken: storage.sessionToken,
  pathStyle: optional(storage.pathStyle),
  signer: withDefault(
    setting("STORAGE_SIGNER", {
      codec: Schema.Literals(["native", "sdk"]),
      shape: "native (the signature of this project) or sdk (the official presigner)",
      example: "sdk",
    }),
    "native",
  ),
};

/** What the adapter is configured with. */
export type AwsSettings = Values<typeof settings>;

/**
 * Reads the variables, and refuses combinations that could not work. The official client's own
 * variables for an endpoint count too: it would follow them, and so must what we sign.
 */
export const read = (env: Env): Read<AwsSettings> =>
  readSettings(
    settings,
    { ...env, STORAGE_ENDPOINT: endpointIn(env) },
    ({ accessKey, secretKey, signer, bucket = "" }) => [
      ...(accessKey === undefined && secretKey !== undefined
        ? [fault(settings.accessKey, "must be set where STORAGE_SECRET_KEY is")]
        : []),
      ...(accessKey !== undefined && secretKey === undefined
        ? [fault(settings.secretKey, "must be set where STORAGE_ACCESS_KEY is")]
        : []),
      ...(signer === "native" && isBeyondNative(bucket)
        ? [fault(settings.signer, "must be sdk for an ARN or a directory bucket")]
        : []),
    ],
  );

/** ARNs, and directory buckets by the suffix that all their names have. */
const isBeyondNative = (bucket: string) => bucket.startsWith("arn:") || bucket.endsWith("--x-s3");

const endpointIn = (env: Env) =>
  env["STORAGE_ENDPOINT"] || env["AWS_ENDPOINT_URL_S3"] || env["AWS_ENDPOINT_URL"];
