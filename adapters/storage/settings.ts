import * as Schema from "effect/Schema";
import { HttpUrl } from "../settings/codecs.ts";
import {
  type Fault,
  fault,
  onOff,
  oneOf,
  optional,
  setting,
  withDefault,
} from "../settings/setting.ts";

/** The embedded store and the others, each in a folder of this name and in `STORES`. */
export const STORE_NAMES = ["local", "aws", "minio", "gcs", "azure"] as const;
export type StoreName = (typeof STORE_NAMES)[number];

export const adapter = withDefault("local", {
  ...oneOf(STORE_NAMES, {
    aws: ["s3", "amazon"],
    gcs: ["google"],
    local: ["file", "disk"],
  }),
  variable: "STORAGE_ADAPTER",
  meaning: "The store. In the package: `storage: minio({…})`.",
  example: "minio",
});

/** "Naming rules for general purpose buckets", Amazon S3 User Guide; MinIO has the same rules. */
export const BucketName = Schema.String.check(
  Schema.isPattern(/^(?!xn--|\d+\.\d+\.\d+\.\d+$)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]$/),
);

export const bucketSetting = (codec: Schema.ConstraintCodec<string, unknown>, shape: string) =>
  withDefault("files", {
    variable: "STORAGE_BUCKET",
    option: "bucket",
    meaning: "The bucket.",
    shape,
    example: "files",
    codec,
  });

export const bucket = bucketSetting(
  BucketName,
  "a bucket name: 3 to 63 lower-case letters, digits, dots and hyphens",
);

export const createBucket = withDefault(false, {
  ...onOff("make the bucket when it is missing"),
  variable: "STORAGE_CREATE_BUCKET",
  option: "createBucket",
  meaning: "Makes a missing bucket.",
});

export const region = setting({
  variable: "STORAGE_REGION",
  option: "region",
  meaning: "The bucket's region. At Google (option `location`): where a missing bucket is made.",
  otherwise: "`us-east-1`, or the provider's",
  shape: "the name of a region: lower-case letters, digits and hyphens",
  example: "eu-central-1",
  codec: Schema.String.check(Schema.isPattern(/^[a-z0-9-]{1,64}$/)),
});

export const url = (explained: Omit<Parameters<typeof setting>[0], "shape" | "codec">) =>
  setting({
    ...explained,
    shape: "an http or https URL without credentials, query or fragment",
    codec: HttpUrl,
  });

export const endpoint = url({
  variable: "STORAGE_ENDPOINT",
  option: "endpoint",
  meaning: "How this service and its peers reach the store. Required for `minio` and `azure`.",
  otherwise: "the provider's",
  example: "http://127.0.0.1:9000",
});

export const publicEndpoint = optional(
  url({
    variable: "STORAGE_PUBLIC_ENDPOINT",
    option: "publicEndpoint",
    meaning: "How browsers reach the store.",
    otherwise: "`STORAGE_ENDPOINT`",
    example: "https://files.example.com",
  }),
);

/** Excludes the content of a file, so that no message shows it as a path. */
export const Path = Schema.NonEmptyString.check(Schema.isPattern(/^[^{}\n"]{1,4096}$/));

export const credentialsFile = optional({
  variable: "STORAGE_CREDENTIALS_FILE",
  option: "credentialsFile",
  meaning: "A key in a file, which may change while the service runs.",
  shape: "the path of a JSON file with access_key and secret_key, and not its content",
  example: "/run/secrets/storage.json",
  codec: Path,
});

export const pathStyle = setting({
  ...onOff("https://host/bucket/key", "https://bucket.host/key"),
  variable: "STORAGE_PATH_STYLE",
  option: "pathStyle",
  meaning: "How a bucket is addressed.",
  otherwise: "`on` for endpoints of your own and for Google",
});

/** Refuses `https://bucket.host` for a bucket that cannot be a label of its endpoint's host. */
export function addressingFaults(values: {
  readonly bucket?: string;
  readonly pathStyle?: boolean | undefined;
  readonly endpoint?: URL | undefined;
  readonly publicEndpoint?: URL | undefined;
}): ReadonlyArray<Fault> {
  const { bucket = "", endpoint, publicEndpoint } = values;
  if (values.pathStyle !== false) return [];
  const endpoints = [endpoint, publicEndpoint].filter((url) => url !== undefined);
  const isSecure =
    endpoints.length === 0 || endpoints.some(({ protocol }) => protocol === "https:");
  const reason = endpoints.some(({ hostname }) => /^(?:\[.*\]|[\d.]+)$/.test(hostname))
    ? "where an endpoint is an IP address"
    : bucket.includes(".") && isSecure
      ? "for a bucket with a dot: no certificate covers its host name"
      : undefined;
  return reason === undefined ? [] : [fault(pathStyle, ({ on }) => `must be ${on} ${reason}`)];
}
