import { oneOf, type Setting, setting } from "../../settings/setting.ts";
import { DECIDED, withProved } from "../certificate/proved.ts";
import type { Known } from "../known.ts";
import { type Provider, type ProviderName, PROVIDERS } from "./providers.ts";

/** Returns the provider of some settings, with the abilities that its certificate proves. */
export const configuredProvider = ({
  provider: name,
  certificate,
  bucket,
  role,
  credentialsRole,
}: {
  readonly provider: ProviderName;
  readonly certificate?: Known | undefined;
  readonly bucket: string;
  readonly role?: string | undefined;
  readonly credentialsRole?: string | undefined;
}): Provider => {
  const provider: Provider = PROVIDERS[name];
  const known =
    certificate === undefined
      ? provider
      : { ...provider, ...withProved(provider.abilities, DECIDED.s3, certificate) };
  const isNamed = (credentialsRole ?? (name === "aws" ? role : undefined)) !== undefined;
  const gives = provider.sts !== undefined && (isNamed || !provider.sts.needsRole);
  // The names of an access point and of a directory bucket are not those in policies.
  if (gives && !/^arn:|--x-s3$/.test(bucket)) return known;
  const abilities = new Set(known.abilities);
  abilities.delete("scoped credentials");
  return { ...known, abilities };
};

/** Returns the provider that an answer shows. */
export function providerIn(headers: Headers): ProviderName | undefined {
  const server = headers.get("server") ?? "";
  if (server.startsWith("SeaweedFS")) return "seaweedfs";
  if (server.startsWith("VERSITYGW")) return "versitygw";
  if (headers.has("x-openstack-request-id")) return "swift";
  return headers.get("x-amz-request-id")?.startsWith("tx0") === true ? "ceph" : undefined;
}

const NAMES = oneOf(Object.keys(PROVIDERS) as [ProviderName]);

export const provider: Setting<ProviderName> = setting({
  ...NAMES,
  nearest: meantBy,
  variable: "STORAGE_PROVIDER",
  option: "provider",
  meaning: "[Whose S3](stores.md#providers-of-the-s3-api) it is, also for `minio`.",
  otherwise: "`aws`; `s3` at an endpoint of your own; `minio` for `minio`",
  example: "r2",
});

function meantBy(text: string): string {
  const meant = text.toLowerCase();
  if (/google|^gcs$/.test(meant)) return "gcs, which is an adapter of its own";
  const named = Object.entries(PROVIDERS).find(
    ([name, { title }]) => meant.includes(name) || title.toLowerCase().includes(meant),
  );
  return (
    named?.[0] ??
    NAMES.nearest(text) ??
    "s3, which is for every other service and promises what all of them do: md5 as checksum, no write-once"
  );
}
