import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import type { AwsSettings } from "../../adapters/aws/settings.ts";
import { layer as aws } from "../../adapters/aws/layer.ts";
import { listenNode } from "../../adapters/http/listen-node.ts";
import { layer as local, LocalStore } from "../../adapters/local/layer.ts";
import { layer as minio } from "../../adapters/minio/layer.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { freePort } from "../support/free-port.ts";
import type { MinioServer } from "../support/setup.ts";

/** A store with its presigner, ready to be tested. */
export interface OpenStore {
  readonly presigner: Presigner["Service"];
  readonly bucket: string;
  readonly close: () => Promise<void>;
}

/** An adapter and what it is able to do. */
export interface StoreUnderTest {
  readonly name: string;
  /** Browsers and services reach it by different addresses. */
  readonly hasTwoEndpoints: boolean;
  /** Undefined where what it needs is not on this machine. */
  readonly open: (() => Promise<OpenStore>) | undefined;
}

const server = inject("minio");

/** Every adapter; the real server stands behind all but the embedded store. */
export const stores: ReadonlyArray<StoreUnderTest> = [
  { name: "local", hasTwoEndpoints: false, open: openLocal },
  ...[
    { name: "minio", make: minio },
    { name: "aws, native signer", make: (settings: S3) => aws({ ...settings, signer: "native" }) },
    { name: "aws, official signer", make: (settings: S3) => aws({ ...settings, signer: "sdk" }) },
  ].map(({ name, make }) => ({
    name,
    hasTwoEndpoints: true,
    open: server && (() => openS3(make, server)),
  })),
];

type S3 = Omit<AwsSettings, "signer"> & {
  readonly endpoint: URL;
  readonly accessKey: string;
  readonly secretKey: Redacted.Redacted;
  readonly pathStyle: boolean;
};

async function openS3(
  make: (settings: S3) => Layer.Layer<Presigner | ObjectStore>,
  { endpoint, accessKey, secretKey }: MinioServer,
): Promise<OpenStore> {
  const internal = new URL(endpoint);
  // The same server under its second name, which is another host to the signature.
  const external = new URL(endpoint);
  external.hostname = "localhost";
  const bucket = `contract-${crypto.randomUUID()}`;
  const layer = make({
    bucket,
    createBucket: true,
    region: "us-east-1",
    endpoint: internal,
    publicEndpoint: external,
    accessKey,
    secretKey: Redacted.make(secretKey),
    sessionToken: undefined,
    credentialsFile: undefined,
    provider: "aws",
    pathStyle: true,
  });
  const presigner = await Effect.runPromise(
    Effect.gen(function* () {
      yield* (yield* ObjectStore).ensureBucket;
      return yield* Presigner;
    }).pipe(Effect.provide(layer)),
  );
  return { presigner, bucket, close: async () => undefined };
}

async function openLocal(): Promise<OpenStore> {
  const directory = mkdtempSync(join(tmpdir(), "valetkey-local-"));
  const port = await freePort();
  const layer = local({ bucket: "files", directory }, new URL(`http://127.0.0.1:${port}/store`));
  const { presigner, store } = await Effect.runPromise(
    Effect.all({ presigner: Presigner, store: LocalStore }).pipe(Effect.provide(layer)),
  );
  const listening = await listenNode({ host: "127.0.0.1", port, fetch: store.fetch });
  return {
    presigner,
    bucket: "files",
    close: async () => {
      await listening.stop();
      rmSync(directory, { recursive: true });
    },
  };
}
