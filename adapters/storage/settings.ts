import type * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import { HttpUrl, Secret } from "../settings/codecs.ts";
import {
  type Fault,
  fault,
  missingBeside,
  onOff,
  optional,
  type Setting,
  setting,
  withDefault,
} from "../settings/setting.ts";

// Settings that several stores read; each store takes those that apply to it.

/** Naming rules for general purpose buckets, Amazon S3 User Guide; MinIO keeps to the same. */
export const BucketName = Schema.String.check(
  Schema.isPattern(/^(?!xn--|\d+\.\d+\.\d+\.\d+$)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]$/),
);

/** The bucket, whose name keeps to the rules of its store. */
export const bucketOf = (codec: Schema.ConstraintCodec<string, unknown>, shape: string) =>
  withDefault("files", {
    variable: "STORAGE_BUCKET",
    option: "bucket",
    meaning: "The bucket.",
    shape,
    example: "files",
    codec,
  });

export const bucket = bucketOf(
  BucketName,
  "a bucket name: 3 to 63 lower-case letters, digits, dots and hyphens",
);

export const createBucket = withDefault(
  false,
  onOff({
    variable: "STORAGE_CREATE_BUCKET",
    option: "createBucket",
    meaning: "Whether a missing bucket is made.",
    on: "make the bucket when it is missing",
  }),
);

export const region = setting({
  variable: "STORAGE_REGION",
  option: "region",
  meaning: "The bucket's region. At Google (option `location`): where a missing bucket is made.",
  otherwise: "`us-east-1`, or the provider's",
  shape: "the name of a region: lower-case letters, digits and hyphens",
  example: "eu-central-1",
  codec: Schema.String.check(Schema.isPattern(/^[a-z0-9-]{1,64}$/)),
});

/** The address of a server. */
export const url = (explained: Omit<Parameters<typeof setting>[0], "shape" | "codec">) =>
  setting({
    ...explained,
    shape: "an http or https URL without credentials, query or fragment",
    codec: HttpUrl,
  });

export const endpoint = url({
  variable: "STORAGE_ENDPOINT",
  option: "endpoint",
  meaning: "How this service and its peers reach the store. Required for `minio`.",
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

/** The name of an access key: whatever can stand before the slash in a credential. */
export const AccessKeyName = Schema.String.check(
  Schema.makeFilter<string>((name) =>
    /^[!-.0-~]{3,128}$/.test(name)
      ? undefined
      : "it is not 3 to 128 printable characters without a slash",
  ),
);

/** Whose uploads or downloads a key signs; undefined for the key that signs where no other does. */
type Use = "put" | "get" | undefined;

const WORK = { put: "uploads", get: "downloads" } as const;

const variableOf = (use: Use, name: string) =>
  `STORAGE_${use === undefined ? "" : `${use.toUpperCase()}_`}${name}`;

const optionOf = <const Name extends string>(use: Use, name: Name) =>
  use === undefined ? `${name.charAt(0).toLowerCase()}${name.slice(1)}` : `${use}${name}`;

export const accessKeyOf = (use: Use): Setting<string | undefined> =>
  optional({
    variable: variableOf(use, "ACCESS_KEY"),
    option: optionOf(use, "AccessKey"),
    meaning:
      use === undefined
        ? "The key that signs, and that looks at the bucket."
        : `A key that signs ${WORK[use]} and may do nothing else.`,
    otherwise: use === undefined ? "AWS, Google: their own chain" : "`STORAGE_ACCESS_KEY`",
    shape: "the name of an access key: 3 to 128 printable characters without a slash",
    example: "AKIAIOSFODNN7EXAMPLE",
    codec: AccessKeyName,
  });

export const secretKeyOf = (use: Use): Setting<Redacted.Redacted | undefined> =>
  optional({
    variable: variableOf(use, "SECRET_KEY"),
    option: optionOf(use, "SecretKey"),
    meaning: "Its secret.",
    shape: "the secret of the access key, without white space around it",
    example: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    codec: Secret,
  });

export const sessionTokenOf = (use: Use): Setting<Redacted.Redacted | undefined> =>
  optional({
    variable: variableOf(use, "SESSION_TOKEN"),
    option: optionOf(use, "SessionToken"),
    meaning: "Its token, where it is temporary.",
    shape: "the token that came with temporary credentials, without white space around it",
    example: "IQoJb3JpZ2luX2VjEXAMPLE",
    codec: Secret,
  });

/** Half a key: a name without its secret, or a secret without a name. */
export function halfKeyFaults(
  values: { readonly accessKey: unknown; readonly secretKey: unknown },
  use?: Use,
): ReadonlyArray<Fault> {
  const { accessKey, secretKey } = values;
  if ((accessKey === undefined) === (secretKey === undefined)) return [];
  const halves = [accessKeyOf(use), secretKeyOf(use)] as const;
  return accessKey === undefined
    ? [missingBeside(...halves)]
    : [missingBeside(halves[1], halves[0])];
}

/** In whose name another signs: a role of Amazon's, or a service account of Google's. */
export const roleOf = (
  use: "put" | "get",
  explained: Pick<Parameters<typeof setting<string>>[0], "shape" | "example" | "codec">,
): Setting<string | undefined> =>
  optional({
    variable: variableOf(use, "ROLE"),
    option: optionOf(use, "Role"),
    meaning: `AWS: a role to assume for ${WORK[use]}. Google without a key: a service account that signs ${WORK[use]}.`,
    ...explained,
  });

/** A path. The content of a file is refused, since a fault would show it. */
export const Path = Schema.NonEmptyString.check(Schema.isPattern(/^[^{}\n"]{1,4096}$/));

export const credentialsFile = optional({
  variable: "STORAGE_CREDENTIALS_FILE",
  option: "credentialsFile",
  meaning: "A key in a file, which may change while the service runs.",
  shape: "the path of a JSON file with access_key and secret_key, and not its content",
  example: "/run/secrets/storage.json",
  codec: Path,
});

export const pathStyle = onOff({
  variable: "STORAGE_PATH_STYLE",
  option: "pathStyle",
  meaning: "How a bucket is addressed.",
  otherwise: "`on` for endpoints of your own and for Google",
  on: "https://host/bucket/key",
  off: "https://bucket.host/key",
});

/** Refuses `https://bucket.host` for a bucket that cannot be a label of its endpoint's host. */
export function addressingFaults(values: {
  readonly bucket?: string;
  readonly pathStyle?: boolean | undefined;
  readonly endpoint?: URL | undefined;
  readonly publicEndpoint?: URL | undefined;
}): ReadonlyArray<Fault> {
  const { bucket = "", pathStyle: isPath } = values;
  const endpoints = [values.endpoint, values.publicEndpoint].filter((url) => url !== undefined);
  if (isPath !== false) return [];
  if (endpoints.some(({ hostname }) => /^(?:\[.*\]|[\d.]+)$/.test(hostname))) {
    return [fault(pathStyle, ({ on }) => `must be ${on} where an endpoint is an IP address`)];
  }
  const isSecure =
    endpoints.length === 0 || endpoints.some(({ protocol }) => protocol === "https:");
  return bucket.includes(".") && isSecure
    ? [
        fault(
          pathStyle,
          ({ on }) => `must be ${on} for a bucket with a dot: no certificate covers its host name`,
        ),
      ]
    : [];
}
