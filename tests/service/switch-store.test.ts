import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createBucket, startGcsVerifier } from "../google/store.ts";
import { upload } from "../support/ask.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { minioEnv } from "../support/minio.ts";
import { need } from "../support/need.ts";
import { RUNTIMES, startProcess, untilReady } from "../support/service-process.ts";

const minio = await need("minio");
const fakeGcs = await need("fakeGcs");
const CONTENT = Uint8Array.from({ length: 4096 }, (_, i) => i & 0xff);
const LOADER = new URL("../support/log-packages.ts", import.meta.url).pathname;
const CLIENTS = [
  "@aws-sdk/client-s3",
  "@google-cloud/storage",
  "@redis/client",
  "google-auth-library",
  "jose",
  "minio",
];

type Env = Readonly<Record<string, string>>;

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ACCOUNT = "signer@project.iam.gserviceaccount.com";
const HMAC = ["GOOG1TESTTESTTEST", "a-secret-of-the-tests"] as const;

async function gcsEnv(): Promise<Env> {
  const upstream = fakeGcs ?? "";
  const bucket = `switch-${crypto.randomUUID()}`;
  await createBucket(upstream, bucket);
  const store = await startGcsVerifier({
    upstream,
    rsa: new Map([[ACCOUNT, publicKey]]),
    hmac: new Map([HMAC]),
  });
  atTestEnd(store.close);
  return {
    STORAGE_ADAPTER: "gcs",
    STORAGE_BUCKET: bucket,
    STORAGE_ENDPOINT: `http://127.0.0.1:${store.port}`,
  };
}

const S3 = {
  ...minioEnv(minio),
};

const KEY = JSON.stringify({
  type: "service_account",
  client_email: ACCOUNT,
  private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
});

/** The one table: what moves the same deployment to another store. */
const stores: ReadonlyArray<{
  readonly name: string;
  readonly env: () => Promise<Env> | Env;
  readonly isHere: boolean;
  readonly loads: ReadonlyArray<string>;
}> = [
  { name: "local", env: () => ({}), isHere: true, loads: [] },
  {
    name: "minio",
    env: () => ({ ...S3, STORAGE_ADAPTER: "minio" }),
    isHere: minio !== undefined,
    loads: ["minio"],
  },
  {
    name: "aws",
    env: () => ({ ...S3, STORAGE_ADAPTER: "aws" }),
    isHere: minio !== undefined,
    loads: ["@aws-sdk/client-s3"],
  },
  {
    name: "gcs with a service account's key",
    env: async () => ({ ...(await gcsEnv()), STORAGE_GCS_CREDENTIALS: KEY }),
    isHere: fakeGcs !== undefined,
    loads: ["@google-cloud/storage", "google-auth-library"],
  },
  {
    name: "gcs with an HMAC key",
    env: async () => ({
      ...(await gcsEnv()),
      STORAGE_ACCESS_KEY: HMAC[0],
      STORAGE_SECRET_KEY: HMAC[1],
    }),
    isHere: fakeGcs !== undefined,
    loads: [],
  },
];

describe.each(stores)("$name", ({ env, isHere, loads }) => {
  it.skipIf(!isHere)("stores for the same client, with its own library loaded only", async () => {
    // From its sources: a bundle has no packages by name.
    const service = await startProcess(
      { ...(await env()), NODE_OPTIONS: `--import ${LOADER}` },
      RUNTIMES.node,
    );
    atTestEnd(service.stop);
    // Makes the bucket, and loads all that the adapter needs.
    await untilReady(service);

    for (const token of [service.token, service.serviceToken]) {
      const file = { filename: "a.png", content_type: "image/png" };
      const { get_url } = await upload({ ...service, token }, file, CONTENT);
      const answer = await fetch(get_url);
      expect(new Uint8Array(await answer.arrayBuffer())).toEqual(CONTENT);
      expect(answer.headers.get("content-type")).toBe("image/png");
    }
    const loaded = CLIENTS.filter((name) => service.output().includes(`loaded ${name}\n`));
    expect(loaded).toEqual(loads);
  });
});
