import { HeadObjectCommand } from "@aws-sdk/client-s3";
import { generateKeyPairSync } from "node:crypto";
import * as Result from "effect/Result";
import { expect, it } from "vitest";

import { type Env, variables } from "../../../adapters/settings/source.ts";
import { locate, makeClient } from "../../../adapters/storage/aws/client.ts";
import * as aws from "../../../adapters/storage/aws/storage.ts";
import { read as readGcs } from "../../../adapters/storage/gcs/settings.ts";
import * as minio from "../../../adapters/storage/minio/storage.ts";
import { bucketAddress } from "../../../adapters/storage/signing/bucket-address.ts";
import { putChecksums } from "../../../application/ports/abilities.ts";

const readMinio = (env: Env) =>
  minio.readSettings(
    variables({ STORAGE_ACCESS_KEY: "key", STORAGE_SECRET_KEY: "secret", ...env }),
  );
const readAws = (env: Env) => Result.getOrThrow(aws.readSettings(variables(env)));

it.each<[text: string, origin: string, path: string, virtual?: string]>([
  ["http://localhost:9000", "http://localhost:9000", "", "http://files.localhost:9000"],
  ["https://store.test:443", "https://store.test", "", "https://files.store.test"],
  ["http://store.test:80/", "http://store.test", "", "http://files.store.test"],
  ["HTTPS://Store.Test", "https://store.test", "", "https://files.store.test"],
  ["https://store.test/s3/", "https://store.test", "/s3", "https://files.store.test"],
  ["http://[::1]:9000", "http://[::1]:9000", ""],
])(
  "the endpoint %s gives the address of a bucket by path and by host",
  (text, origin, prefix, virtual) => {
    const { endpoint } = Result.getOrThrow(readMinio({ STORAGE_ENDPOINT: text }));
    const of = (pathStyle: boolean, signsPath = true) =>
      bucketAddress({
        endpoint: endpoint ?? expect.unreachable(),
        bucket: "files",
        pathStyle,
        signsPath,
      });
    const host = origin.replace(/^https?:\/\//, "");
    const path = `${prefix}/files`;
    expect(of(true)).toEqual({ origin, host, unsignedPrefix: "", path });
    // A path that a proxy strips is sent and not signed.
    expect(of(true, false)).toEqual({ origin, host, unsignedPrefix: prefix, path: "/files" });
    if (virtual) expect(of(false)).toMatchObject({ origin: virtual, path: prefix });
  },
);

it.each([
  { STORAGE_ENDPOINT: "http://[::1]:9000" },
  { STORAGE_ENDPOINT: "https://store.test", STORAGE_PUBLIC_ENDPOINT: "https://127.0.0.1" },
  { STORAGE_ENDPOINT: "https://store.test", STORAGE_BUCKET: "a.b" },
])("path style off is refused with %j", (env) => {
  expect(Result.getFailure(readMinio({ ...env, STORAGE_PATH_STYLE: "off" }))).toMatchObject({
    value: [{ setting: { variable: "STORAGE_PATH_STYLE" } }],
  });
});

it.each([
  [undefined, "https://storage.googleapis.com/"],
  ["cloud.example", "https://storage.cloud.example/"],
])("Cloud Storage has the address of the key's universe, %s", (universe_domain, endpoint) => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = {
    type: "service_account",
    client_email: "signer@project.iam.gserviceaccount.com",
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
    universe_domain,
  };
  const env = { STORAGE_GCS_CREDENTIALS: JSON.stringify(key) };
  const read = Result.getOrThrow(readGcs(variables(env)));
  expect(read.endpoint.href).toBe(endpoint);
});

it.each([
  [{}, false, true],
  [{ STORAGE_PROVIDER: "spaces", STORAGE_REGION: "fra1" }, false, true],
  [{ STORAGE_ENDPOINT: "https://store.test" }, true, true],
  [{ STORAGE_ENDPOINT: "https://store.test", STORAGE_PATH_STYLE: "off" }, false, false],
])(
  "with %j, the bucket is in the path: %s, and at a public endpoint: %s",
  async (env, internal, external) => {
    const settings = readAws({ ...env, STORAGE_PUBLIC_ENDPOINT: "https://public.test" });
    const addresses = await locate(settings, makeClient(settings));
    expect(addresses.internal.path).toBe(internal ? "/files" : "");
    expect(addresses.public).toMatchObject(
      external
        ? { origin: "https://public.test", path: "/files" }
        : { origin: "https://files.public.test", path: "" },
    );
  },
);

it.each([
  [{}, "aws"],
  [{ STORAGE_ENDPOINT: "https://s3.eu-central-1.amazonaws.com" }, "aws"],
  [{ STORAGE_ENDPOINT: "https://bucket.vpce-1a2b-3c4d.s3.us-east-1.vpce.amazonaws.com" }, "aws"],
  [{ STORAGE_ENDPOINT: "https://s3.cn-north-1.amazonaws.com.cn" }, "aws"],
  [{ STORAGE_ENDPOINT: "https://s3.dualstack.us-west-2.api.aws" }, "aws"],
  [{ STORAGE_ENDPOINT: "https://amazonaws.com.example.net" }, "s3"],
  [{ STORAGE_ENDPOINT: "http://127.0.0.1:9000" }, "s3"],
  [{ AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9000" }, "s3"],
  [{ STORAGE_ENDPOINT: "http://127.0.0.1:9000", STORAGE_PROVIDER: "minio" }, "minio"],
] as const)("the store of %j has the abilities of %s", (env, provider) => {
  const settings = readAws(env);
  expect(settings.provider).toBe(provider);
  const checksums = putChecksums(aws.storage(settings).abilities);
  expect(checksums).toEqual(provider === "s3" ? ["md5"] : ["sha256", "crc32c", "md5"]);
});

it.each([
  [undefined, ["sha256", "crc32c", "md5"]],
  ["ceph", ["md5"]],
])("the adapter minio with the provider %s promises the checksums %j", (provider, checksums) => {
  const read = readMinio({
    STORAGE_ENDPOINT: "http://127.0.0.1:9000",
    STORAGE_PROVIDER: provider,
  });
  expect(putChecksums(minio.storage(Result.getOrThrow(read)).abilities)).toEqual(checksums);
});

it.each([
  [{ AWS_ENDPOINT_URL: "http://localhost:4566" }, "http://localhost:4566/"],
  [
    {
      AWS_ENDPOINT_URL: "http://localhost:4566",
      STORAGE_PROVIDER: "r2",
      STORAGE_ACCOUNT_ID: "0123456789abcdef0123456789abcdef",
    },
    "https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com/",
  ],
  [
    { STORAGE_PROVIDER: "b2", STORAGE_REGION: "us-west-004" },
    "https://s3.us-west-004.backblazeb2.com/",
  ],
  [
    { STORAGE_PROVIDER: "wasabi", STORAGE_REGION: "eu-central-1" },
    "https://s3.eu-central-1.wasabisys.com/",
  ],
  [{ STORAGE_PROVIDER: "spaces", STORAGE_REGION: "fra1" }, "https://fra1.digitaloceanspaces.com/"],
])("the store of %j is at %s", (env, endpoint) => {
  expect(readAws(env).endpoint?.href).toBe(endpoint);
});

it.each([
  ["on", "http://store.test/a/s3/files/key.png"],
  ["off", "http://files.store.test/a/s3/key.png"],
])(
  "the official client calls the bucket at the address of signed URLs, with path style %s",
  async (pathStyle, expected) => {
    const settings = readAws({
      STORAGE_ENDPOINT: "http://store.test/a/s3/",
      STORAGE_PATH_STYLE: pathStyle,
    });
    const client = makeClient(settings, { accessKeyId: "a", secretAccessKey: "b" });
    const { origin, path } = (await locate(settings, client)).internal;
    expect(`${origin}${path}/key.png`).toBe(expected);
    let called = "";
    client.config.requestHandler = {
      ...client.config.requestHandler,
      handle: async ({ protocol, hostname, path }) => {
        called = `${protocol}//${hostname}${path}`;
        throw new Error("nothing is sent");
      },
    };
    const head = client.send(new HeadObjectCommand({ Bucket: "files", Key: "key.png" }));
    await expect(head).rejects.toThrow("nothing is sent");
    expect(called).toBe(expected);
  },
);
