import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { keyFaults, keySettings, roleSetting } from "../credentials/key-settings.ts";
import type { CertificateInUse } from "../certificate/in-use.ts";
import { certificateSettings, readCertificate } from "../certificate/read.ts";
import { type Provider, type ProviderName, PROVIDERS, provider } from "../providers.ts";
import {
  excludedBy,
  fault,
  oneOf,
  optional,
  type Read,
  readSettings,
  type Values,
  withDefault,
} from "../../settings/setting.ts";
import type { Source, Text, Vocabulary } from "../../settings/source.ts";
import * as storage from "../settings.ts";

const role = (use: "put" | "get") =>
  roleSetting(use, {
    codec: Schema.String.check(Schema.isPattern(/^arn:[\w-]+:iam::\d{12}:role\/[\w+=,.@/-]+$/)),
    shape: "the ARN of a role",
    example: `arn:aws:iam::123456789012:role/valetkey-${use}`,
  });

export const settings = {
  provider: optional(provider),
  account: optional({
    variable: "STORAGE_ACCOUNT_ID",
    option: "account",
    meaning: "The account at Cloudflare. Required for `r2`.",
    codec: Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/)),
    shape: "the id of a Cloudflare account: 32 hexadecimal digits",
    example: "0123456789abcdef0123456789abcdef",
  }),
  bucket: storage.bucketSetting(
    Schema.Union([storage.BucketName, Schema.String.check(Schema.isPattern(/^arn:\S+$/))]),
    "a bucket name (3 to 63 lower-case letters, digits, dots and hyphens) or an ARN",
  ),
  createBucket: storage.createBucket,
  ...certificateSettings,
  region: optional(storage.region),
  endpoint: optional(storage.endpoint),
  publicEndpoint: storage.publicEndpoint,
  ...keySettings,
  putRole: role("put"),
  getRole: role("get"),
  pathStyle: optional(storage.pathStyle),
  signer: withDefault("native", {
    ...oneOf(["native", "sdk"]),
    variable: "STORAGE_SIGNER",
    option: "signer",
    meaning: "Which code signs.",
    shape: "native (the signature of this project) or sdk (the official presigner)",
    example: "sdk",
  }),
};

type AwsValues = Values<typeof settings>;

export interface AwsSettings extends Omit<AwsValues, "account" | keyof typeof certificateSettings> {
  readonly certificate?: CertificateInUse | undefined;
  readonly words?: Vocabulary | undefined;
  readonly provider: ProviderName;
  readonly region: string;
  readonly pathStyle: boolean;
  readonly publicPathStyle?: boolean | undefined;
}

export function read(source: Source): Read<AwsSettings> {
  const values = readSettings(
    settings,
    withAmazonsVariables(source),
    ({ signer, bucket = "", ...values }) => [
      ...keyFaults(values),
      ...storage.addressingFaults({ bucket, ...values }),
      // An ARN, or a directory bucket by its suffix.
      signer === "native" &&
        /^arn:|--x-s3$/.test(bucket) &&
        fault(settings.signer, "must be sdk for an ARN or a directory bucket"),
      ...placeFaults(values),
      ...(["put", "get"] as const).map(
        (use) =>
          values[`${use}Role`] !== undefined &&
          values[`${use}AccessKey`] !== undefined &&
          excludedBy(settings[`${use}Role`], settings[`${use}AccessKey`]),
      ),
    ],
  );
  return Result.flatMap(values, ({ account = "", certificate, acceptBroken, ...values }) => {
    const name = providerFrom(values);
    const provider: Provider = PROVIDERS[name];
    const { region = provider.region ?? "", endpoint, pathStyle } = values;
    const settings = {
      ...values,
      words: source.words,
      provider: name,
      region,
      endpoint: endpoint ?? (provider.endpoint && new URL(provider.endpoint(region, account))),
      // An endpoint of one's own rarely has names for its buckets.
      pathStyle: pathStyle ?? (endpoint !== undefined || provider.pathStyle),
      publicPathStyle: pathStyle ?? true,
    };
    return Result.map(
      readCertificate({ certificate, acceptBroken }, { adapter: "aws", ...settings }),
      (certificate) => ({ ...settings, certificate }),
    );
  });
}

function placeFaults(values: Partial<AwsValues>) {
  const { region, account, endpoint } = values;
  const name = providerFrom(values);
  const provider: Provider = PROVIDERS[name];
  const missing: Text = ({ assign }) => `must be set for ${assign(settings.provider, name)}`;
  if (region === undefined && provider.region === undefined) {
    return [fault(settings.region, missing, provider.regionExample)];
  }
  if (endpoint !== undefined || name === "aws") return [];
  if (provider.endpoint === undefined) return [fault(settings.endpoint, missing)];
  return name === "r2" && account === undefined ? [fault(settings.account, missing)] : [];
}

const providerFrom = ({ provider, endpoint }: Partial<AwsValues>): ProviderName =>
  provider ?? (endpoint === undefined || AMAZON.test(endpoint.hostname) ? "aws" : "s3");

const AMAZON = /\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws)$/;

export const regionIn = ({ hostname }: URL): string | undefined =>
  REGION_IN_HOST.exec(hostname)?.[1];

const REGION_IN_HOST =
  /(?:^|\.|s3-)([a-z]{2}(?:-[a-z]+)+-\d+)\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|backblazeb2\.com|wasabisys\.com)$/;

/** The official client follows these variables at Amazon's endpoint, so our signatures must. */
const withAmazonsVariables = (source: Source): Source => ({
  ...source,
  valueOf: (setting) => {
    const value = source.valueOf(setting);
    if (value !== undefined || setting.variable !== settings.endpoint.variable) return value;
    if ((source.valueOf(settings.provider) ?? "aws") !== "aws") return undefined;
    return source.env["AWS_ENDPOINT_URL_S3"] || source.env["AWS_ENDPOINT_URL"] || undefined;
  },
});
