import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import * as Struct from "effect/Struct";
import type { Abilities } from "../../../application/ports/abilities.ts";
import { Secret } from "../../settings/codecs.ts";
import {
  excludedBy,
  type Fault,
  fault,
  missingBeside,
  optional,
  type Read,
  readSettings,
  type Values,
} from "../../settings/setting.ts";
import type { SettingName, Source, Vocabulary } from "../../settings/source.ts";
import type { CertificateInUse } from "../certificate/in-use.ts";
import { DECIDED, withProved } from "../certificate/proved.ts";
import { type Decided, SMALL_PART } from "../known.ts";
import { certificateSettings, readCertificate } from "../certificate/read.ts";
import { mainKeySettings } from "../credentials/key-settings.ts";
import * as storage from "../settings.ts";
import { ownerFaults, ownerSettings, ownIdentity } from "../untrusted.ts";
import type { SasKey } from "./sas.ts";

const DIRECTORY_ID = {
  codec: Schema.String.check(Schema.isPattern(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)),
  example: "0b1f6471-1bf0-4dda-aec3-cb9272f09590",
};

export const settings = {
  bucket: storage.bucketSetting(
    // "Naming and referencing containers, blobs, and metadata", Azure Storage documentation.
    Schema.String.check(Schema.isPattern(/^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/)),
    "the name of a container: 3 to 63 lower-case letters, digits and single hyphens",
  ),
  createBucket: storage.createBucket,
  ...certificateSettings,
  endpoint: storage.endpoint,
  publicEndpoint: storage.publicEndpoint,
  accessKey: mainKeySettings.accessKey,
  secretKey: mainKeySettings.secretKey,
  ...ownerSettings,
  tenantId: optional({
    variable: "STORAGE_AZURE_TENANT_ID",
    option: "tenantId",
    meaning: "Without a key: the tenant whose identity is used, if it is not this machine's own.",
    ...DIRECTORY_ID,
    shape: "the id of a tenant, a UUID",
  }),
  clientId: optional({
    variable: "STORAGE_AZURE_CLIENT_ID",
    option: "clientId",
    meaning:
      "An application that was registered in that tenant. Left out, this machine's identity is used there, which an administrator of the tenant has admitted.",
    ...DIRECTORY_ID,
    shape: "the id of an application, a UUID",
  }),
  clientSecret: optional({
    variable: "STORAGE_AZURE_CLIENT_SECRET",
    option: "clientSecret",
    meaning: "Its secret.",
    codec: Secret,
    shape: "the secret of an application, without white space around it",
    example: "abc8Q~EXAMPLE",
  }),
};

const MIB = 2 ** 20;

/** "Scalability and performance targets for Blob Storage", Azure Storage documentation. */
export const AZURE_LIMITS = {
  largestPut: 5000 * MIB,
  smallestPart: SMALL_PART,
  largestMultipart: 10_000 * 4000 * MIB,
};

/**
 * The abilities without a certificate; confirm decides what none shows to be bound. Azurite checks
 * that a key is free only at the start of a PUT.
 */
const DOCUMENTED: Abilities = new Set([
  ...(["two endpoints", "pinned downloads", "inline PDF", "unsigned headers"] as const),
  ...(["multipart", "replaced parts", "reads", "copies", "copies once"] as const),
]);

/** Returns what a certificate may decide: the key of an account binds nothing. */
export const decidedFor = ({ key }: Pick<AzureSettings, "key">): Decided =>
  key ? Struct.pick(DECIDED.azure, ["write-once"]) : DECIDED.azure;

export function azureAbilities({ key, certificate }: Pick<AzureSettings, "key" | "certificate">) {
  const proved = certificate ?? { abilities: new Set() };
  const { abilities } = withProved(DOCUMENTED, decidedFor({ key }), proved);
  return abilities.has("bound size")
    ? new Set([...abilities, "exact size by default" as const])
    : abilities;
}

export interface AzureSettings extends Omit<
  Values<typeof settings>,
  keyof typeof certificateSettings
> {
  readonly words?: Vocabulary | undefined;
  readonly account: string;
  /** Undefined if an identity of this machine signs. */
  readonly key?: SasKey | undefined;
  readonly certificate?: CertificateInUse | undefined;
}

export const read = (source: Source): Read<AzureSettings> =>
  Result.flatMap(
    readSettings(settings, unfolded(source), faultsIn),
    ({ certificate, acceptBroken, ...values }) => {
      const { accessKey, endpoint, secretKey } = values;
      const account = accessKey ?? accountIn(endpoint);
      const key = secretKey && {
        account,
        secret: Buffer.from(Redacted.value(secretKey), "base64"),
      };
      const place = { adapter: "azure", provider: "azure", region: "", ...values };
      return Result.map(
        readCertificate({ certificate, acceptBroken }, place, decidedFor({ key })),
        (certificate) => ({ ...values, words: source.words, account, key, certificate }),
      );
    },
  );

/** Reads the connection string: "Configure Azure Storage connection strings". */
function unfolded(source: Source): Source {
  const pairs = String(source.valueOf(settings.secretKey)).split(";");
  const members = new Map(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at).toLowerCase(), pair.slice(at + 1)];
    }),
  );
  const account = members.get("accountname");
  const secret = members.get("accountkey");
  if (account === undefined || secret === undefined) return source;
  const host = `${account}.blob.${members.get("endpointsuffix") ?? "core.windows.net"}`;
  const inText = new Map<SettingName, string>([
    [settings.secretKey, secret],
    [settings.accessKey, account],
    [settings.endpoint, members.get("blobendpoint") ?? `https://${host}`],
  ]);
  return { ...source, valueOf: (setting) => inText.get(setting) || source.valueOf(setting) };
}

/** Returns the account: an emulator has it in the path, Azure as the first label of the host. */
const accountIn = ({ pathname, hostname }: URL): string =>
  pathname.split("/")[1] || (hostname.split(".")[0] ?? "");

const faultsIn = ({
  endpoint,
  secretKey,
  tenantId,
  clientId,
  clientSecret,
  ...values
}: Partial<Values<typeof settings>>): ReadonlyArray<Fault | false> => [
  ...ownerFaults({ ...values, endpoint }),
  values.untrusted === true &&
    secretKey === undefined &&
    tenantId === undefined &&
    ownIdentity(settings.tenantId),
  values.untrusted === true &&
    values.allowPrivate !== true &&
    secretKey === undefined &&
    !AZURES.test(endpoint?.hostname ?? "") &&
    fault(settings.endpoint, "must be Azure's own, since a token is sent to it"),
  tenantId !== undefined &&
    secretKey !== undefined &&
    excludedBy(settings.tenantId, settings.secretKey),
  clientId !== undefined &&
    tenantId === undefined &&
    missingBeside(settings.tenantId, settings.clientId),
  clientId !== undefined &&
    clientSecret === undefined &&
    missingBeside(settings.clientSecret, settings.clientId),
  clientSecret !== undefined &&
    clientId === undefined &&
    missingBeside(settings.clientId, settings.clientSecret),
  secretKey !== undefined &&
    !BASE64.test(Redacted.value(secretKey)) &&
    fault(settings.secretKey, NO_KEY),
  secretKey === undefined &&
    endpoint?.protocol === "http:" &&
    !LOOPBACK.test(endpoint.hostname) &&
    fault(settings.endpoint, "must be https, since a token is sent to it"),
];

// "Azure Storage endpoints", also in its other clouds, and with DNS zones.
const AZURES =
  /\.blob\.(?:core\.(?:windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)|storage\.azure\.net)$/;

const NO_KEY =
  "must be the key of the account, in base64, or a connection string that has AccountName and AccountKey";
const BASE64 = /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const LOOPBACK = /^(?:127\.|\[::1\]|localhost$)/;
