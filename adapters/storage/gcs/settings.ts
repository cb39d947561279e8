import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { type Abilities, abilitiesWithout } from "../../../application/ports/abilities.ts";
import { HttpOrigin } from "../../settings/codecs.ts";
import {
  excludedBy,
  fault,
  optional,
  type Read,
  readSettings,
  type Values,
  withDefault,
} from "../../settings/setting.ts";
import type { Source as SettingsSource, Vocabulary } from "../../settings/source.ts";
import type { CertificateInUse } from "../certificate/in-use.ts";
import { DECIDED, withProved } from "../certificate/proved.ts";
import { certificateSettings, readCertificate } from "../certificate/read.ts";
import { keyIn } from "../credentials/key-settings.ts";
import type { Decided } from "../known.ts";
import * as storage from "../settings.ts";
import { ownerFaults, ownerSettings, ownIdentity } from "../untrusted.ts";
import {
  credentialSettings,
  type GcsKey,
  isServiceAccount,
  readKey,
  separateFaults,
} from "./credentials.ts";

const GOOGLE = "googleapis.com";
const IAM = new URL(`https://iamcredentials.${GOOGLE}`);

export const settings = {
  bucket: storage.bucketSetting(
    // "Bucket names", Cloud Storage documentation.
    Schema.String.check(Schema.isPattern(/^(?!goog)[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/)),
    "a bucket name: lower-case letters, digits, dots, hyphens and underscores",
  ),
  createBucket: storage.createBucket,
  location: optional({
    ...storage.region,
    option: "location",
    codec: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9-]{1,64}$/)),
    shape: "a location of Cloud Storage, where a bucket is made",
    example: "europe-west3",
  }),
  endpoint: optional(storage.endpoint),
  publicEndpoint: storage.publicEndpoint,
  pathStyle: withDefault(true, storage.pathStyle),
  customDomain: optional({
    variable: "STORAGE_GCS_CUSTOM_DOMAIN",
    option: "customDomain",
    meaning: "A domain that stands for the bucket, for browsers.",
    codec: HttpOrigin,
    shape: "an http or https URL without a path, whose host stands for the bucket",
    example: "https://files.example.com",
  }),
  ...certificateSettings,
  ...credentialSettings,
  ...ownerSettings,
  iamEndpoint: withDefault(
    IAM,
    storage.url({
      variable: "STORAGE_GCS_IAM_ENDPOINT",
      option: "iamEndpoint",
      meaning: "Where IAM signs if there is no key.",
      otherwise: "Google's",
      example: "https://iamcredentials.googleapis.com",
    }),
  ),
};

export const SCOPES = ["https://www.googleapis.com/auth/cloud-platform"];

/** The region of signatures; Cloud Storage accepts any. */
export const REGION = "auto";

/** "Quotas and limits", Cloud Storage documentation. */
export const GCS_LIMITS = { largestPut: 5 * 2 ** 40, largestMultipart: 5 * 2 ** 40 };

/** Returns what a certificate may decide: an HMAC key gets no tokens. */
export const decidedFor = ({ key }: Pick<GcsSettings, "key">): Decided =>
  isHmac(key) ? {} : DECIDED.gcs;

export const gcsAbilities = ({
  key,
  certificate = { abilities: new Set() },
}: Pick<GcsSettings, "key" | "certificate">): Abilities =>
  // The official client copies, and cannot use an HMAC key.
  withProved(
    isHmac(key) ? abilitiesWithout(...LACKED, "copies") : abilitiesWithout(...LACKED),
    decidedFor({ key }),
    certificate,
  ).abilities;

const isHmac = (key: GcsKey | undefined) => key !== undefined && !isServiceAccount(key.signer);

const LACKED = [
  "sha256",
  "exact size by default",
  "pinned downloads",
  "part sha256",
  "file checksums",
  "scan tags",
  "scoped credentials",
] as const;

export interface GcsSettings extends Omit<
  Values<typeof settings>,
  keyof typeof certificateSettings
> {
  readonly words?: Vocabulary | undefined;
  readonly endpoint: URL;
  /** IAM signs if undefined. */
  readonly key?: GcsKey | undefined;
  readonly certificate?: CertificateInUse | undefined;
  /** For the log. */
  readonly notice?: string | undefined;
}

export function read(from: SettingsSource): Read<GcsSettings> {
  let key: GcsKey | undefined;
  const values = readSettings(settings, from, (values) => {
    const read = readKey(values);
    key = Result.getOrUndefined(read);
    return [
      ...(Result.isFailure(read) ? read.failure : []),
      ...separateFaults(values, key),
      ...storage.addressingFaults(values),
      ...ownerFaults(values),
      ...ownerFaults({ ...values, publicEndpoint: values.customDomain }),
      ...identityFaults(values, key),
      values.createBucket === true &&
        key !== undefined &&
        !isServiceAccount(key.signer) &&
        fault(
          settings.createBucket,
          ({ off }) => `must be ${off} with an HMAC key, which makes no buckets`,
          ({ off }) => off,
        ),
      values.customDomain !== undefined &&
        values.publicEndpoint !== undefined &&
        excludedBy(settings.customDomain, settings.publicEndpoint),
    ];
  });
  return Result.flatMap(values, ({ certificate, acceptBroken, ...values }) => {
    const isHmacIdle = keyIn(values, "main") !== undefined && key && isServiceAccount(key.signer);
    const { universeDomain = GOOGLE } = key ?? {};
    const endpoint = values.endpoint ?? new URL(`https://storage.${universeDomain}`);
    const place = { adapter: "gcs", provider: "gcs", region: "", ...values, endpoint };
    return Result.map(
      readCertificate({ certificate, acceptBroken }, place, decidedFor({ key })),
      (certificate) => ({
        ...values,
        words: from.words,
        key,
        certificate,
        notice: isHmacIdle ? BOTH : undefined,
        endpoint,
      }),
    );
  });
}

/** The token of a key or a role is only sent to Google. */
const identityFaults = (
  { untrusted, role, ...values }: Partial<Values<typeof settings>>,
  key: GcsKey | undefined,
) =>
  untrusted === true
    ? [
        role === undefined &&
          (key === undefined || (key.path ?? "") === values.applicationCredentials) &&
          ownIdentity(settings.role),
        (key === undefined || isServiceAccount(key.signer)) &&
          values.endpoint !== undefined &&
          excludedBy(settings.endpoint, settings.untrusted),
        values.iamEndpoint?.href !== IAM.href &&
          excludedBy(settings.iamEndpoint, settings.untrusted),
        key?.universeDomain !== undefined &&
          key.universeDomain !== GOOGLE &&
          excludedBy(settings.credentials, settings.untrusted),
      ]
    : [];

const BOTH = "a service account's key and an HMAC key are given; the service account's signs";
