import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import { layer as aws } from "../../adapters/storage/aws/layer.ts";
import type { S3Settings } from "../../adapters/storage/s3/settings.ts";
import { type Provider, PROVIDERS } from "../../adapters/storage/s3/providers.ts";
import type { Harness, OpenStore } from "../../adapters/contract/subject/harness.ts";
import { type Ability, lackedBy } from "../../application/ports/abilities.ts";
import type { GcsKey } from "../../adapters/storage/gcs/credentials.ts";
import { layer as gcs } from "../../adapters/storage/gcs/layer.ts";
import { gcsAbilities } from "../../adapters/storage/gcs/settings.ts";
import { layer as azure } from "../../adapters/storage/azure/layer.ts";
import { azureAbilities } from "../../adapters/storage/azure/settings.ts";
import { layer as minio } from "../../adapters/storage/minio/layer.ts";
import { layer as telemetry } from "../../adapters/telemetry/log.ts";
import type { ObjectStore } from "../../application/ports/object-store.ts";
import type { Presigner } from "../../application/ports/presigner.ts";
import type { AzuriteServer } from "../azure/azurite.ts";
import { startEntra } from "../azure/entra.ts";
import { startAzureVerifier } from "../azure/store.ts";
import { ownServer } from "./own-server.ts";
import { embeddedStore } from "../support/embedded-store.ts";
import { isFullRun } from "../support/full-run.ts";
import { createBucket, startGcsVerifier } from "../google/store.ts";
import { startGoogleMachine } from "../google/machine.ts";
import { BY_HMAC, gcsSettings, HMAC_KEY, RSA_KEY, RSA_PUBLIC } from "../support/gcs-store.ts";
import { need } from "../support/need.ts";
import { s3Client } from "../support/s3-store.ts";
import type { MinioServer } from "../support/minio.ts";

// Who names a server has it tried alone, and waits for no other.
const isOwn = ownServer() !== undefined;
const minioServer = isOwn ? undefined : await need("minio");
const azurite = isOwn ? undefined : await need("azurite");
const fakeGcs = isOwn ? undefined : await need("fakeGcs");

/** What a bucket does with the former versions of an object. */
type Versions = "without versions" | "with versions" | "with versions suspended";
const VERSIONED = ["with versions", "with versions suspended"] as const;

/** What its certificate does not show. */
const LACKED_BY_MINIO = lackedBy(PROVIDERS.minio.abilities);

const ALL: ReadonlyArray<Harness> = [
  embeddedStore(),
  // The native signer of Amazon's source is that of MinIO's.
  ...[
    { name: "minio", make: minio },
    {
      name: "aws, official signer",
      make: (settings: S3Settings) => aws({ ...settings, signer: "sdk" }),
    },
  ].map(({ name, make }) => ({
    name,
    without: LACKED_BY_MINIO,
    open: minioServer && (() => openS3(make, minioServer)),
  })),
  ...VERSIONED.map((versions) => ({
    name: `minio, ${versions}`,
    without: LACKED_BY_MINIO,
    open: minioServer && (() => openS3(minio, minioServer, versions)),
  })),
  ...(["service account", "HMAC key", "no key"] as const).map((credentials) => ({
    name: `gcs, ${credentials}`,
    without: lackedBy(gcsAbilities({ key: credentials === "HMAC key" ? HMAC_KEY : RSA_KEY })),
    // Cloud Storage answers 400 if a signed header is missing or the URL has expired.
    refusals: [400, 403],
    open: fakeGcs === undefined ? undefined : () => openGcs(credentials, fakeGcs),
  })),
  ...(["account key", "identity"] as const).map((credentials) => ({
    name: `azure, ${credentials}`,
    // No signature is for one host.
    without: [...lackedBy(azureAbilities({})), "two endpoints" as const],
    open: azurite && (() => openAzure(credentials, azurite)),
  })),
];

/** Every adapter, or your own server alone. Behind all but the embedded store stands a real one. */
export const stores: ReadonlyArray<Harness> = isOwn ? ownHarness() : ALL;

/** Everything is tried by each store for a release, and on a server of one's own. */
export const isWhole = isFullRun || isOwn;

/** Another store that is always tried has the same server, and answers unsigned headers alike. */
export const sharesServer = ({ name }: Harness): boolean =>
  !["local", "minio", "gcs, service account", "azure, account key", "azure, identity"].includes(
    name,
  );

/** Your own server, if the environment names one by `TEST_S3_ENDPOINT` and its like. */
function ownHarness(): ReadonlyArray<Harness> {
  const server = ownServer();
  if (server === undefined) return [];
  const { provider } = server;
  const { abilities, boundTo }: Provider = PROVIDERS[provider];
  const without = (versions: Versions): ReadonlyArray<Ability> => [
    ...lackedBy(abilities),
    ...(versions === "with versions" && boundTo?.abilities.has("write-once")
      ? (["write-once"] as const)
      : []),
    ...(isLoopback(server.endpoint) ? [] : (["two endpoints"] as const)),
  ];
  // Swift answers 400 to a request without a signature.
  const refusals = provider === "swift" ? [400, 403] : [403];
  const make = (settings: S3Settings) => aws({ ...settings, provider, signer: "native" });
  const states: ReadonlyArray<Versions> = abilities.has("versions")
    ? ["without versions", ...VERSIONED]
    : ["without versions"];
  return states.map((versions) => ({
    name: `${provider}, ${versions}`,
    without: without(versions),
    refusals,
    open: () => openS3(make, server, versions),
  }));
}

async function openS3(
  make: (settings: S3Settings) => Layer.Layer<Presigner | ObjectStore>,
  server: Omit<MinioServer, "domain"> & { readonly region?: string },
  versions: Versions = "without versions",
): Promise<OpenStore> {
  const { endpoint, accessKey, secretKey, region = "us-east-1" } = server;
  const bucket = `contract-${crypto.randomUUID()}`;
  const addresses = namesOf(endpoint);
  const layer = make({
    bucket,
    createBucket: true,
    region,
    ...addresses,
    accessKey,
    secretKey: Redacted.make(secretKey),
    provider: "minio",
    pathStyle: true,
  });
  const client = s3Client(server);
  if (versions !== "without versions") {
    await client.makeBucket(bucket);
    const Status = versions === "with versions" ? "Enabled" : "Suspended";
    await client.setBucketVersioning(bucket, { Status });
  }
  return {
    layer: quietly(layer),
    bucket,
    origins: originsOf(addresses),
  };
}

/**
 * The same server under two names, which are two hosts to the signature. A server on another machine
 * keeps its one name.
 */
function namesOf(endpoint: string) {
  const publicEndpoint = new URL(endpoint);
  if (isLoopback(endpoint)) publicEndpoint.hostname = "localhost";
  return { endpoint: new URL(endpoint), publicEndpoint };
}

function isLoopback(endpoint: string): boolean {
  const { hostname } = new URL(endpoint);
  return hostname.startsWith("127.") || hostname === "[::1]";
}

const originsOf = ({ endpoint, publicEndpoint }: ReturnType<typeof namesOf>) => ({
  public: publicEndpoint.origin,
  internal: endpoint.origin,
});

/** Without the warning that one key may do everything, which is intended here. */
const quietly = <A, E>(layer: Layer.Layer<A, E>) =>
  Layer.provide(layer, telemetry({ level: "none", format: "json" }));

async function openGcs(
  credentials: "service account" | "HMAC key" | "no key",
  upstream: string,
): Promise<OpenStore> {
  const bucket = `contract-gcs-${crypto.randomUUID()}`;
  await createBucket(upstream, bucket);
  const machine = await startGoogleMachine();
  const store = await startGcsVerifier({
    upstream,
    ...BY_HMAC,
    rsa: new Map([RSA_PUBLIC, [machine.account, machine.publicKey]]),
  });
  process.env["GCE_METADATA_HOST"] = machine.metadataHost;
  const keys: Readonly<Record<typeof credentials, GcsKey | undefined>> = {
    "service account": RSA_KEY,
    "HMAC key": HMAC_KEY,
    "no key": undefined,
  };
  const addresses = namesOf(`http://127.0.0.1:${store.port}`);
  const layer = gcs(
    gcsSettings(addresses.endpoint, {
      bucket,
      ...addresses,
      key: keys[credentials],
      iamEndpoint: machine.iamEndpoint,
    }),
  );
  return {
    layer: quietly(layer),
    bucket,
    origins: originsOf(addresses),
    close: async () => {
      await store.close();
      await machine.close();
    },
  };
}

/** Azurite itself for a key of the account, and for an identity behind the double of the rest. */
async function openAzure(
  credentials: "account key" | "identity",
  server: AzuriteServer,
): Promise<OpenStore> {
  const { account, key } = server;
  const bucket = `contract-${crypto.randomUUID()}`;
  const settings = { bucket, createBucket: true, account };
  if (credentials === "account key") {
    const secret = Buffer.from(key, "base64");
    const endpoint = new URL(server.endpoint);
    const layer = azure({ ...settings, endpoint, key: { account, secret } });
    return { layer: quietly(layer), bucket };
  }
  const entra = await startEntra();
  // The contract also looks at files a day later.
  entra.state.lifetime = 3 * 86_400;
  const store = await startAzureVerifier({
    ...server,
    tenant: entra.state.tenant,
    knows: entra.knows,
  });
  process.env["AZURE_TOKEN_CREDENTIALS"] = "ManagedIdentityCredential";
  process.env["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = entra.endpoint;
  return {
    layer: quietly(azure({ ...settings, endpoint: new URL(store.endpoint) })),
    bucket,
    close: async () => {
      await store.close();
      await entra.close();
    },
  };
}
