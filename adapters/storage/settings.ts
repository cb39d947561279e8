import type * as Redacted from "effect/Redacted";
import * as Schema from "effect/Schema";
import { HttpUrl, OnOff, Secret } from "../settings/codecs.ts";
import {
  type Fault,
  fault,
  optional,
  type Setting,
  setting,
  withDefault,
} from "../settings/setting.ts";

// Variables that several stores read; each store takes those that apply to it.

/** Naming rules for general purpose buckets, Amazon S3 User Guide; MinIO keeps to the same. */
export const BucketName = Schema.String.check(
  Schema.isPattern(/^(?!xn--|\d+\.\d+\.\d+\.\d+$)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]$/),
);

export const bucket = withDefault(
  setting("STORAGE_BUCKET", {
    codec: BucketName,
    shape: "a bucket name: 3 to 63 lower-case letters, digits, dots and hyphens",
    example: "files",
  }),
  "files",
);

export const createBucket = withDefault(
  setting("STORAGE_CREATE_BUCKET", {
    codec: OnOff,
    shape: "on (make the bucket when it is missing) or off",
    example: "on",
  }),
  false,
);

export const region = setting("STORAGE_REGION", {
  codec: Schema.String.check(Schema.isPattern(/^[a-z0-9-]{1,64}$/)),
  shape: "a region's name: lower-case letters, digits and hyphens",
  example: "eu-central-1",
});

export const url = (name: string, example: string): Setting<URL> =>
  setting(name, {
    codec: HttpUrl,
    shape: "an http or https URL without credentials, query or fragment",
    example,
  });

export const endpoint = url("STORAGE_ENDPOINT", "http://127.0.0.1:9000");
export const publicEndpoint = optional(url("STORAGE_PUBLIC_ENDPOINT", "https://files.example.com"));

/** The name of an access key: whatever can stand before the slash in a credential. */
export const AccessKeyName = Schema.String.check(
  Schema.makeFilter<string>((name) =>
    /^[!-.0-~]{3,128}$/.test(name)
      ? undefined
      : "it is not 3 to 128 printable characters without a slash",
  ),
);

export const accessKeyOf = (name: string): Setting<string> =>
  setting(name, {
    codec: AccessKeyName,
    shape: "the name of an access key: 3 to 128 printable characters without a slash",
    example: "AKIAIOSFODNN7EXAMPLE",
  });

export const secretKeyOf = (name: string): Setting<Redacted.Redacted> =>
  setting(name, {
    codec: Secret,
    shape: "the secret of the access key, without white space around it",
    example: "the 40 characters shown when the key was made",
  });

export const sessionTokenOf = (name: string): Setting<Redacted.Redacted | undefined> =>
  optional(
    setting(name, {
      codec: Secret,
      shape: "the token that came with temporary credentials, without white space around it",
      example: "the text called SessionToken",
    }),
  );

export const accessKey = accessKeyOf("STORAGE_ACCESS_KEY");
export const secretKey = secretKeyOf("STORAGE_SECRET_KEY");
export const sessionToken = sessionTokenOf("STORAGE_SESSION_TOKEN");

/** A path. The content of a file is refused, since a fault would show it. */
const Path = Schema.NonEmptyString.check(Schema.isPattern(/^[^{}\n"]{1,4096}$/));

export const path = (
  name: string,
  explained: { readonly shape: string; readonly example: string },
): Setting<string> => setting(name, { codec: Path, ...explained });

export const credentialsFile = optional(
  path("STORAGE_CREDENTIALS_FILE", {
    shape: "the path of a JSON file with access_key and secret_key, and not its content",
    example: "/run/secrets/storage.json",
  }),
);

export const pathStyle: Setting<boolean> = setting("STORAGE_PATH_STYLE", {
  codec: OnOff,
  shape: "on (https://host/bucket/key) or off (https://bucket.host/key)",
  example: "on",
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
    return [fault(pathStyle, "must be on where an endpoint is an address and not a name")];
  }
  const isSecure =
    endpoints.length === 0 || endpoints.some(({ protocol }) => protocol === "https:");
  return bucket.includes(".") && isSecure
    ? [fault(pathStyle, "must be on for a bucket with a dot: no certificate covers its host name")]
    : [];
}
