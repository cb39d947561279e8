import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as ManagedRuntime from "effect/ManagedRuntime";
import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { layer as aws } from "../../adapters/aws/layer.ts";
import type { AwsSettings } from "../../adapters/aws/settings.ts";
import { type Provider, type ProviderName, PROVIDERS } from "../../adapters/aws/providers.ts";
import { hmacKey } from "../../adapters/gcs/keys.ts";
import { layer as gcs } from "../../adapters/gcs/layer.ts";
import type { Source } from "../../adapters/gcs/source.ts";
import { listenNode } from "../../adapters/http/listen-node.ts";
import { layer as local } from "../../adapters/local/layer.ts";
import { LocalStore } from "../../adapters/local/local-store.ts";
import { layer as minio } from "../../adapters/minio/layer.ts";
import { GOOG4_RSA_SHA256 } from "../../adapters/signing/algorithms.ts";
import { signWith } from "../../adapters/signing/signer.ts";
import { layer as telemetry } from "../../adapters/telemetry/layer.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import type { ChecksumAlgorithm } from "../../domain/checksum.ts";
import { freePort } from "../support/free-port.ts";
import { createBucket, startGcsVerifier } from "../support/gcs-verifier.ts";
import { startGoogleMachine } from "../support/google-machine.ts";
import type { MinioServer } from "../support/setup.ts";

/** A store with its presigner, ready to be tested. */
export interface OpenStore {
  readonly presigner: Presigner["Service"];
  readonly store: ObjectStore["Service"];
  readonly bucket: string;
  readonly close: () => Promise<void>;
}

/** An adapter and what it is able to do. */
export interface StoreUnderTest {
  readonly name: string;
  /** Browsers and services reach it by different addresses. */
  readonly hasTwoEndpoints: boolean;
  /** The exact size is bound without a header that the client has to set. */
  readonly bindsSizeAlways: boolean;
  /** What it verifies on a PUT. */
  readonly checksums: ReadonlyArray<ChecksumAlgorithm>;
  /** Keeps headers of a PUT that nobody was granted, and serves them with the object. */
  readonly keepsExtraHeaders: boolean;
  /** A signed GET decides on all headers of a download, not only on type and disposition. */
  readonly pinsAllHeaders: boolean;
  /** An upload can be marked as unconfirmed. */
  readonly marks: boolean;
  /** With what it answers a request that was not granted. */
  readonly refusals: ReadonlyArray<number>;
  /** Undefined where what it needs is not on this machine. */
  readonly open: (() => Promise<OpenStore>) | undefined;
}

const minioServer = inject("minio");
const fakeGcs = inject("fakeGcs");

const S3 = {
  bindsSizeAlways: true,
  checksums: ["sha256", "crc32c", "md5"],
  keepsExtraHeaders: true,
  pinsAllHeaders: true,
  marks: true,
  refusals: [403],
} as const;

/** Every adapter; the real server, or the double of one, stands behind all but the embedded store. */
export const stores: ReadonlyArray<StoreUnderTest> = [
  {
    ...S3,
    name: "local",
    marks: false,
    keepsExtraHeaders: false,
    hasTwoEndpoints: false,
    open: openLocal,
  },
  ...[
    { name: "minio", make: minio },
    {
      name: "aws, native signer",
      make: (settings: S3Settings) => aws({ ...settings, signer: "native" }),
    },
    {
      name: "aws, official signer",
      make: (settings: S3Settings) => aws({ ...settings, signer: "sdk" }),
    },
  ].map(({ name, make }) => ({
    ...S3,
    name,
    hasTwoEndpoints: true,
    open: minioServer && (() => openS3(make, minioServer)),
  })),
  ...ownServer(),
  ...(["service account", "HMAC key", "no key"] as const).map((credentials) => ({
    name: `gcs, ${credentials}`,
    hasTwoEndpoints: true,
    bindsSizeAlways: false,
    checksums: ["crc32c", "md5"] as const,
    keepsExtraHeaders: true,
    pinsAllHeaders: false,
    // What an HMAC key signs cannot change an object's custom time.
    marks: credentials !== "HMAC key",
    // Cloud Storage calls it a bad request where a signed header is missing or the time is over.
    refusals: [400, 403],
    open: fakeGcs === undefined ? undefined : () => openGcs(credentials, fakeGcs),
  })),
];

type S3Settings = Omit<AwsSettings, "signer"> & { readonly endpoint: URL };

/** A server of one's own, where the environment names one: `TEST_S3_ENDPOINT` and its like. */
function ownServer(): ReadonlyArray<StoreUnderTest> {
  const { TEST_S3_ENDPOINT: endpoint, TEST_S3_PROVIDER = "ceph", TEST_S3_REGION } = process.env;
  if (!endpoint) return [];
  const provider = TEST_S3_PROVIDER as ProviderName;
  const { region = "us-east-1" }: Provider = PROVIDERS[provider];
  const server = {
    endpoint,
    accessKey: process.env["TEST_S3_ACCESS_KEY"] ?? "",
    secretKey: process.env["TEST_S3_SECRET_KEY"] ?? "",
  };
  const make = (settings: S3Settings) =>
    aws({ ...settings, provider, region: TEST_S3_REGION ?? region, signer: "native" });
  return [{ ...S3, name: provider, hasTwoEndpoints: true, open: () => openS3(make, server) }];
}

async function openS3(
  make: (settings: S3Settings) => Layer.Layer<Presigner | ObjectStore>,
  { endpoint, accessKey, secretKey }: Omit<MinioServer, "domain">,
): Promise<OpenStore> {
  const bucket = `contract-${crypto.randomUUID()}`;
  const layer = make({
    bucket,
    createBucket: true,
    region: "us-east-1",
    ...namesOf(endpoint),
    accessKey,
    secretKey: Redacted.make(secretKey),
    provider: "aws",
    pathStyle: true,
  });
  const { dispose, ...opened } = await build(layer);
  return { ...opened, bucket, close: dispose };
}

/** The same server under two names, which are two hosts to the signature. */
function namesOf(endpoint: string) {
  const publicEndpoint = new URL(endpoint);
  publicEndpoint.hostname = "localhost";
  return { endpoint: new URL(endpoint), publicEndpoint };
}

/** Opens a store for as long as it is tested: what renews its credentials ends with `close`. */
async function build(layer: Layer.Layer<Presigner | ObjectStore>) {
  const runtime = ManagedRuntime.make(
    Layer.provideMerge(layer, telemetry({ level: "none", format: "json" })),
  );
  await runtime.runPromise(ObjectStore.use((store) => store.ensureBucket));
  const services = Effect.all({ presigner: Presigner, store: ObjectStore });
  return { ...(await runtime.runPromise(services)), dispose: () => runtime.dispose() };
}

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const HMAC = { accessKey: "GOOG1TESTTESTTEST", secretKey: "a-secret-of-the-tests" };

async function openGcs(
  credentials: "service account" | "HMAC key" | "no key",
  upstream: string,
): Promise<OpenStore> {
  const bucket = `contract-gcs-${crypto.randomUUID()}`;
  await createBucket(upstream, bucket);
  const machine = await startGoogleMachine();
  const account = "signer@project.iam.gserviceaccount.com";
  const store = await startGcsVerifier({
    upstream,
    bucket,
    rsa: new Map([
      [account, publicKey],
      [machine.account, machine.publicKey],
    ]),
    hmac: new Map([[HMAC.accessKey, HMAC.secretKey]]),
  });
  process.env["GCE_METADATA_HOST"] = machine.metadataHost;
  const sources: Readonly<Record<typeof credentials, Source>> = {
    "service account": {
      kind: "key",
      signer: signWith({
        algorithm: GOOG4_RSA_SHA256,
        accessKey: account,
        secretKey: privateKey,
      }),
    },
    "HMAC key": { kind: "key", signer: Result.getOrThrow(hmacKey(HMAC)).signer },
    "no key": { kind: "keyless" },
  };
  const layer = gcs({
    bucket,
    createBucket: false,
    ...namesOf(`http://127.0.0.1:${store.port}`),
    pathStyle: true,
    signLength: false,
    source: sources[credentials],
    iamEndpoint: machine.iamEndpoint,
    project: "project",
    universeDomain: "googleapis.com",
  });
  const { dispose, ...opened } = await build(layer);
  return {
    ...opened,
    bucket,
    close: async () => {
      await dispose();
      await store.close();
      await machine.close();
    },
  };
}

async function openLocal(): Promise<OpenStore> {
  const directory = mkdtempSync(join(tmpdir(), "valetkey-local-"));
  const port = await freePort();
  const layer = local({ bucket: "files", directory }, new URL(`http://127.0.0.1:${port}/store`));
  const { fetch, ...opened } = await Effect.runPromise(
    Effect.all({
      presigner: Presigner,
      store: ObjectStore,
      fetch: LocalStore.useSync(({ fetch }) => fetch),
    }).pipe(Effect.provide(layer)),
  );
  const listening = await listenNode({ host: "127.0.0.1", port, fetch });
  return {
    ...opened,
    bucket: "files",
    close: async () => {
      await listening.stop();
      rmSync(directory, { recursive: true });
    },
  };
}
