import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import {
  type Fault,
  fault,
  missingBeside,
  oneOf,
  optional,
  type Read,
  readSettings,
  type Values,
  withDefault,
} from "../../settings/setting.ts";
import type { Source, Text } from "../../settings/source.ts";
import type { CertificateInUse } from "../certificate/in-use.ts";
import { DECIDED } from "../certificate/proved.ts";
import { certificateSettings, readCertificate } from "../certificate/read.ts";
import {
  keySettings,
  mainKeyFaults,
  mainKeySettings,
  roleSettings,
  separateKeyFaults,
  separateKeySettings,
} from "../credentials/key-settings.ts";
import { provider } from "./provider.ts";
import { type Provider, type ProviderName, PROVIDERS } from "./providers.ts";
import type { BucketSettings } from "../rest/refusal-reason.ts";
import { fill } from "../by-hand.ts";
import * as storage from "../settings.ts";
import { ownerFaults, ownerSettings, ownIdentity } from "../untrusted.ts";

/** The settings of every source. */
export const shared = {
  provider: optional(provider),
  bucket: storage.bucket,
  createBucket: storage.createBucket,
  ...certificateSettings,
  region: optional(storage.region),
  endpoint: optional(storage.endpoint),
  publicEndpoint: storage.publicEndpoint,
  ...keySettings,
  pathStyle: optional(storage.pathStyle),
  ...ownerSettings,
};

/** The settings of the source `aws` alone. */
export const further = {
  account: optional({
    variable: "STORAGE_ACCOUNT_ID",
    option: "account",
    meaning: "The account at Cloudflare. Required for `r2`.",
    codec: Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/)),
    shape: "the id of a Cloudflare account: 32 hexadecimal digits",
    example: "0123456789abcdef0123456789abcdef",
  }),
  ...roleSettings({
    codec: Schema.String.check(Schema.isPattern(/^arn:[\w-]+:iam::\d{12}:role\/[\w+=,.@/-]+$/)),
    shape: "the ARN of a role",
    example: (use) => `arn:aws:iam::123456789012:role/valetkey${use ? `-${use}` : ""}`,
  }),
  credentialsRole: optional({
    variable: "STORAGE_CREDENTIALS_ROLE",
    option: "credentialsRole",
    meaning: "A role to assume for temporary credentials, at AWS and others that want one.",
    otherwise: "AWS: `STORAGE_ROLE`",
    shape: "the ARN of a role",
    // Ceph and SeaweedFS name no account.
    codec: Schema.String.check(Schema.isPattern(/^arn:[\w-]+:iam:[\w:-]*:role\/[\w+=,.@/-]+$/)),
    example: "arn:aws:iam::123456789012:role/valetkey-credentials",
  }),
  externalId: optional({
    variable: "STORAGE_EXTERNAL_ID",
    option: "externalId",
    meaning: "AWS: the external id that the trust policies of the roles ask for.",
    // "AssumeRole", AWS Security Token Service API Reference.
    codec: Schema.String.check(Schema.isPattern(/^[\w+=,.@:/-]{2,1224}$/)),
    shape: "an external id: 2 to 1224 letters, digits and characters of _+=,.@:/-",
    example: "org_1-5b0f8c1e",
  }),
  signer: withDefault("native", {
    ...oneOf(["native", "sdk"]),
    variable: "STORAGE_SIGNER",
    option: "signer",
    meaning: "Which code signs.",
    shape: "native (the signature of this project) or sdk (the official presigner)",
    example: "sdk",
  }),
};

export type S3Values = Values<typeof shared> & Partial<Values<typeof further>>;

export interface S3Settings
  extends BucketSettings, Omit<S3Values, "account" | "signer" | keyof typeof certificateSettings> {
  readonly provider: ProviderName;
  readonly region: string;
  readonly pathStyle: boolean;
  readonly signer?: S3Values["signer"] | undefined;
  readonly publicPathStyle?: boolean | undefined;
  readonly certificate?: CertificateInUse | undefined;
}

/** A source of keys and of a bucket for the store. */
export interface S3Source<Settings = typeof shared & Partial<typeof further>> {
  readonly adapter: "aws" | "minio";
  readonly settings: Settings;
  /** True if a key must be configured, since there is no chain of credentials. */
  readonly needsKey: boolean;
}

export function readS3(
  { adapter, settings, needsKey }: S3Source,
  source: Source,
): Read<S3Settings> {
  const read = readSettings(
    settings as typeof settings & typeof further,
    source,
    (values: Partial<S3Values>) => [
      ...mainKeyFaults(values),
      ...separateKeyFaults(values, further),
      ...(needsKey ? keylessFaults(values) : []),
      ...noPutKeyFaults(values),
      ...storage.addressingFaults(values),
      ...identityFaults(values),
      ...placeFaults(values),
      values.externalId !== undefined &&
        (values.role ?? values.putRole ?? values.getRole ?? values.credentialsRole) === undefined &&
        missingBeside(further.role, further.externalId),
      // An ARN, or a directory bucket by its suffix.
      values.signer === "native" &&
        /^arn:|--x-s3$/.test(values.bucket ?? "") &&
        fault(further.signer, "must be sdk for an ARN or a directory bucket"),
    ],
  );
  return Result.flatMap(
    read,
    ({ account = "", certificate, acceptBroken, ...values }: S3Values) => {
      const name = providerFrom(values);
      const provider: Provider = PROVIDERS[name];
      const { region = provider.region ?? "", endpoint, pathStyle } = values;
      const settings = {
        ...values,
        words: source.words,
        provider: name,
        region,
        endpoint: endpoint ?? endpointOf(provider, { region, account }),
        // A custom endpoint rarely has host names for buckets.
        pathStyle: pathStyle ?? (endpoint !== undefined || provider.pathStyle),
        publicPathStyle: pathStyle ?? true,
      };
      return Result.map(
        readCertificate({ certificate, acceptBroken }, { adapter, ...settings }, DECIDED.s3),
        (certificate) => ({ ...settings, certificate }),
      );
    },
  );
}

/** A role without an external id could be named by others who can have this service assume it. */
const identityFaults = (values: Partial<S3Values>): ReadonlyArray<Fault | false> => [
  ...ownerFaults(values),
  values.untrusted === true &&
    values.accessKey === undefined &&
    values.credentialsFile === undefined &&
    (values.role === undefined
      ? ownIdentity(further.role)
      : values.externalId === undefined && missingBeside(further.externalId, further.role)),
];

const endpointOf = (
  { endpoint }: Provider,
  place: Readonly<Record<"region" | "account", string>>,
) => (endpoint === undefined ? undefined : new URL(fill(endpoint, place)));

const keylessFaults = (values: Partial<S3Values>): ReadonlyArray<Fault> =>
  [values.accessKey, values.secretKey, values.credentialsFile].some((value) => value !== undefined)
    ? []
    : [mainKeySettings.accessKey, mainKeySettings.secretKey].map((setting) =>
        fault(setting, ({ name }) => `must be set, or ${name(storage.credentialsFile)} instead`),
      );

function noPutKeyFaults({ provider: name, putAccessKey, putSecretKey }: Partial<S3Values>) {
  if (name === undefined || putAccessKey !== undefined || putSecretKey !== undefined) return [];
  const { title, needsPutKey }: Provider = PROVIDERS[name];
  const why = `must be set for ${title}, to a key that may only put (${needsPutKey}): there an upload URL reads every file that its key can read`;
  return needsPutKey === undefined ? [] : [fault(separateKeySettings.putAccessKey, why)];
}

function placeFaults(values: Partial<S3Values>) {
  const { region, account, endpoint } = values;
  const name = providerFrom(values);
  const provider: Provider = PROVIDERS[name];
  const missing: Text = ({ assign }) => `must be set for ${assign(shared.provider, name)}`;
  if (region === undefined && provider.region === undefined) {
    return [fault(shared.region, missing, provider.regionExample)];
  }
  if (endpoint !== undefined || name === "aws") return [];
  if (provider.endpoint === undefined) return [fault(shared.endpoint, missing)];
  return name === "r2" && account === undefined ? [fault(further.account, missing)] : [];
}

const providerFrom = ({ provider, endpoint }: Partial<S3Values>): ProviderName =>
  provider ?? (endpoint === undefined || AMAZON.test(endpoint.hostname) ? "aws" : "s3");

const AMAZON = /\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws)$/;
