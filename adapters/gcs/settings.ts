import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { parseJson } from "../json/parse.ts";
import { readCredentials } from "../signing/credentials-file.ts";
import { HttpUrl, OnOff, Secret } from "../settings/codecs.ts";
import {
  type Env,
  type Fault,
  fault,
  optional,
  type Read,
  readSettings,
  type Setting,
  setting,
  type Values,
  withDefault,
} from "../settings/setting.ts";
import * as storage from "../settings/storage.ts";
import {
  decodeKey,
  decodeServiceAccount,
  type GcsKey,
  type GcsSigner,
  hmacSigner,
  typeOf,
} from "./keys.ts";

/** Variables of `STORAGE_ADAPTER=gcs`. */
export const settings = {
  bucket: withDefault(
    setting("STORAGE_BUCKET", {
      // "Bucket names", Cloud Storage documentation.
      codec: Schema.String.check(Schema.isPattern(/^(?!goog)[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/)),
      shape: "a bucket name: lower-case letters, digits, dots, hyphens and underscores",
      example: "files",
    }),
    "files",
  ),
  createBucket: storage.createBucket,
  location: optional(storage.region),
  endpoint: optional(storage.endpoint),
  publicEndpoint: storage.publicEndpoint,
  pathStyle: withDefault(storage.pathStyle, true),
  customDomain: optional(
    setting("STORAGE_GCS_CUSTOM_DOMAIN", {
      codec: HttpUrl.check(Schema.makeFilter<URL>((url) => url.pathname === "/")),
      shape: "an http or https URL without a path, whose host stands for the bucket",
      example: "https://files.example.com",
    }),
  ),
  signLength: withDefault(
    setting("STORAGE_GCS_SIGN_LENGTH", {
      codec: OnOff,
      shape: "on (sign content-length too) or off",
      example: "on",
    }),
    false,
  ),
  credentialsFile: storage.credentialsFile,
  credentials: optional(
    setting("STORAGE_GCS_CREDENTIALS", {
      codec: Secret,
      shape: "the JSON of a service account's key",
      example: '{"type":"service_account",…}',
    }),
  ),
  applicationCredentials: optional(
    setting("GOOGLE_APPLICATION_CREDENTIALS", {
      codec: Schema.NonEmptyString,
      shape: "the path of a file of Google credentials",
      example: "/run/secrets/service-account.json",
    }),
  ),
  accessKey: optional(storage.accessKey),
  secretKey: optional(storage.secretKey),
  iamEndpoint: optional(
    setting("STORAGE_GCS_IAM_ENDPOINT", {
      codec: HttpUrl,
      shape: "an http or https URL without credentials, query or fragment",
      example: "https://iamcredentials.googleapis.com",
    }),
  ),
  project: optional(
    setting("GOOGLE_CLOUD_PROJECT", {
      codec: Schema.NonEmptyString,
      shape: "the id of a project",
      example: "my-project",
    }),
  ),
  universeDomain: optional(
    setting("GOOGLE_CLOUD_UNIVERSE_DOMAIN", {
      codec: Schema.String.check(Schema.isPattern(/^[a-z0-9.-]+$/)),
      shape: "the domain of a Google cloud",
      example: "googleapis.com",
    }),
  ),
};

/** What access tokens are asked for. */
export const SCOPES = ["https://www.googleapis.com/auth/cloud-platform"];

type GcsValues = Values<typeof settings>;

/** Who signs. */
export type Source =
  /** A file with a key, which may change while the service runs. */
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "key"; readonly signer: GcsSigner }
  /** The service account that this machine or workload has, by calls to IAM. */
  | { readonly kind: "keyless" };

/** What the adapter is configured with. */
export interface GcsSettings {
  readonly bucket: string;
  readonly createBucket: boolean;
  /** Where a bucket is made. */
  readonly location: string | undefined;
  readonly endpoint: URL;
  readonly publicEndpoint: URL | undefined;
  readonly pathStyle: boolean;
  /** Stands for the bucket in the URLs of browsers. */
  readonly customDomain: URL | undefined;
  readonly signLength: boolean;
  readonly source: Source;
  /** What is said once, where more than one key is given. */
  readonly notice: string | undefined;
  readonly iamEndpoint: URL;
  readonly project: string | undefined;
  readonly universeDomain: string;
}

/** Reads the variables, and refuses keys that could not sign. */
export const read = (env: Env): Read<GcsSettings> =>
  Result.map(
    readSettings(settings, env, (values) => [
      ...choose(values).faults,
      ...storage.addressingFaults(values),
      ...(values.customDomain !== undefined && values.publicEndpoint !== undefined
        ? [fault(settings.customDomain, "must not be set beside STORAGE_PUBLIC_ENDPOINT")]
        : []),
    ]),
    (values) => {
      const { source, key, notice } = choose(values);
      const universeDomain = values.universeDomain ?? key?.universeDomain ?? "googleapis.com";
      return {
        ...values,
        source,
        notice,
        universeDomain,
        project: values.project ?? key?.project,
        endpoint: values.endpoint ?? new URL(`https://storage.${universeDomain}`),
        iamEndpoint: values.iamEndpoint ?? new URL(`https://iamcredentials.${universeDomain}`),
      };
    },
  );

interface Choice {
  readonly source: Source;
  readonly key?: GcsKey;
  readonly faults: ReadonlyArray<Fault>;
  readonly notice?: string;
}

/** The first that is given: a key of a service account, an HMAC key, or none. */
function choose(values: Partial<GcsValues>): Choice {
  const { accessKey, credentialsFile, credentials, applicationCredentials } = values;
  const isHmac = accessKey?.startsWith("GOOG") === true;
  const notice = isHmac
    ? "a service account's key and an HMAC key are given; the service account's signs"
    : undefined;
  const ofRead = (
    read: Result.Result<GcsKey, string>,
    of: Setting<unknown>,
    source: (key: GcsKey) => Source,
  ): Choice =>
    Result.match(read, {
      onSuccess: (key) => ({ source: source(key), key, faults: [], ...(notice && { notice }) }),
      onFailure: (problem) => ({
        source: KEYLESS,
        faults: [fault(of, `must be right: ${problem}`)],
      }),
    });
  const ofFile = (path: string, of: Setting<unknown>) =>
    ofRead(readCredentials(path, decodeKey), of, () => ({ kind: "file", path }));

  if (credentialsFile !== undefined) return ofFile(credentialsFile, settings.credentialsFile);
  if (credentials !== undefined) {
    const read = Result.mapError(
      Result.flatMap(parseJson(Redacted.value(credentials)), decodeServiceAccount),
      (problem) => `its value ${problem}`,
    );
    return ofRead(read, settings.credentials, ({ signer }) => ({ kind: "key", signer }));
  }
  if (applicationCredentials !== undefined) {
    const type = readCredentials(applicationCredentials, (json) => Result.succeed(typeOf(json)));
    const isOther = Result.isSuccess(type) && type.success !== "service_account";
    if (!isOther) return ofFile(applicationCredentials, settings.applicationCredentials);
  }
  if (isHmac) return ofHmac(values, accessKey);
  return { source: KEYLESS, faults: accessKey === undefined ? [] : [NOT_OF_GOOGLE] };
}

function ofHmac({ secretKey, createBucket }: Partial<GcsValues>, accessKey: string): Choice {
  const faults: Array<Fault> = [];
  if (secretKey === undefined) {
    faults.push(fault(settings.secretKey, "must be set where STORAGE_ACCESS_KEY is"));
  }
  if (createBucket === true) {
    faults.push(
      fault(settings.createBucket, "must be off with an HMAC key, which makes no buckets"),
    );
  }
  const signer = hmacSigner(accessKey, secretKey === undefined ? "" : Redacted.value(secretKey));
  return { source: { kind: "key", signer }, faults };
}

const KEYLESS: Source = { kind: "keyless" };
const NOT_OF_GOOGLE = fault(
  settings.accessKey,
  "must begin with GOOG, as the HMAC keys of Cloud Storage do, or not be set",
  "GOOG1EXAMPLEEXAMPLEEXAMPLE",
);
