import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { HttpOrigin, OnOff } from "../settings/codecs.ts";
import {
  type Env,
  type Fault,
  fault,
  optional,
  type Read,
  readSettings,
  setting,
  withDefault,
} from "../settings/setting.ts";
import * as storage from "../settings/storage.ts";
import {
  separateKey,
  separateKeyFaults,
  type SeparateKeySettings,
  separateKeySettings,
} from "../credentials/separate-keys.ts";
import { type GcsSigner, hmacKey, isServiceAccount } from "./keys.ts";
import { chooseSource, KEYLESS, type Source, sourceSettings } from "./source.ts";

const account = (name: string) =>
  setting(name, {
    codec: Schema.String.check(Schema.isPattern(/^[^\s/@]+@[^\s/@]+$/)),
    shape: "the address of a service account",
    example: "valetkey-put@my-project.iam.gserviceaccount.com",
  });

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
  location: optional(
    setting("STORAGE_REGION", {
      codec: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9-]{1,64}$/)),
      shape: "a location of Cloud Storage, where a bucket is made",
      example: "europe-west3",
    }),
  ),
  endpoint: optional(storage.endpoint),
  publicEndpoint: storage.publicEndpoint,
  pathStyle: withDefault(storage.pathStyle, true),
  customDomain: optional(
    setting("STORAGE_GCS_CUSTOM_DOMAIN", {
      codec: HttpOrigin,
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
  ...sourceSettings,
  ...separateKeySettings,
  putRole: optional(account("STORAGE_PUT_ROLE")),
  getRole: optional(account("STORAGE_GET_ROLE")),
  iamEndpoint: optional(
    storage.url("STORAGE_GCS_IAM_ENDPOINT", "https://iamcredentials.googleapis.com"),
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

/** What stands for the region in a scope, where any location is accepted. */
export const REGION = "auto";

/** What Cloud Storage can do: "Quotas and limits", its documentation. */
export const limits: storage.StoreLimits = {
  largestPut: 5 * 2 ** 40,
  writeOnce: true,
  marks: true,
  checksums: ["crc32c", "md5"],
};

/** What the adapter is configured with. */
export interface GcsSettings {
  readonly bucket: string;
  readonly createBucket: boolean;
  /** Where a bucket is made. */
  readonly location?: string | undefined;
  readonly endpoint: URL;
  readonly publicEndpoint?: URL | undefined;
  readonly pathStyle: boolean;
  /** Stands for the bucket in the URLs of browsers. */
  readonly customDomain?: URL | undefined;
  readonly signLength: boolean;
  readonly source: Source;
  /** HMAC keys that may only put, and only get; else `source` signs. */
  readonly putSigner?: GcsSigner | undefined;
  readonly getSigner?: GcsSigner | undefined;
  /** Addresses of service accounts that IAM signs uploads as, and downloads. */
  readonly putRole?: string | undefined;
  readonly getRole?: string | undefined;
  /** What is said once, where more than one key is given. */
  readonly notice?: string | undefined;
  readonly iamEndpoint: URL;
  readonly project?: string | undefined;
  readonly universeDomain: string;
}

/** Reads the variables, and refuses keys that could not sign. */
export function read(env: Env): Read<GcsSettings> {
  let choice = KEYLESS;
  const values = readSettings(settings, env, (values) => {
    choice = chooseSource(values);
    return [
      ...choice.faults,
      ...separateKeyFaults(values),
      ...notOfGoogle(values),
      ...roleFaults(values, choice.source.kind),
      ...storage.addressingFaults(values),
      ...(values.createBucket === true && choice.key && !isServiceAccount(choice.key.signer)
        ? [
            fault(
              settings.createBucket,
              "must be off with an HMAC key, which makes no buckets",
              "off",
            ),
          ]
        : []),
      ...(values.customDomain !== undefined && values.publicEndpoint !== undefined
        ? [fault(settings.customDomain, "must not be set beside STORAGE_PUBLIC_ENDPOINT")]
        : []),
    ];
  });
  return Result.map(values, (values) => {
    const { source, key, notice } = choice;
    const universeDomain = values.universeDomain ?? key?.universeDomain ?? "googleapis.com";
    return {
      ...values,
      source,
      putSigner: signerFor(values, "put"),
      getSigner: signerFor(values, "get"),
      notice,
      universeDomain,
      project: values.project ?? key?.project,
      endpoint: values.endpoint ?? new URL(`https://storage.${universeDomain}`),
      iamEndpoint: values.iamEndpoint ?? new URL(`https://iamcredentials.${universeDomain}`),
    };
  });
}

const USES = ["put", "get"] as const;

const signerFor = (values: SeparateKeySettings, use: "put" | "get"): GcsSigner | undefined => {
  const key = separateKey(values, use);
  return key && Result.getOrUndefined(hmacKey(key))?.signer;
};

/** Separate keys are HMAC keys of Cloud Storage. */
const notOfGoogle = (values: Partial<SeparateKeySettings>): ReadonlyArray<Fault> =>
  USES.flatMap((use) => {
    const key = separateKey(values, use);
    return key === undefined || Result.isSuccess(hmacKey(key))
      ? []
      : [
          fault(
            separateKeySettings[`${use}AccessKey`],
            "must begin with GOOG, and have no session token, as HMAC keys of Cloud Storage do",
            "GOOG1EXAMPLEEXAMPLEEXAMPLE",
          ),
        ];
  });

/** IAM signs as another account for those who have no key themselves. */
const roleFaults = (
  values: { readonly [Use in "putRole" | "getRole"]?: string | undefined } & SeparateKeySettings,
  kind: Source["kind"],
): ReadonlyArray<Fault> =>
  USES.flatMap((use) => {
    const of = settings[`${use}Role`];
    if (values[`${use}Role`] === undefined) return [];
    if (values[`${use}AccessKey`] !== undefined) {
      return [fault(of, "must not be set beside an access key for the same use")];
    }
    return kind === "keyless"
      ? []
      : [fault(of, "must not be set beside a key: give one for this use too")];
  });
