import * as Effect from "effect/Effect";
import type * as Layer from "effect/Layer";
import * as Redacted from "effect/Redacted";
import { expect, it } from "vitest";
import { layer as aws } from "../../adapters/storage/aws/layer.ts";
import { CONTENT, getRequest, putRequest } from "../../adapters/contract/sending/uploads.ts";
import { send } from "../../adapters/contract/sending/send.ts";
import { layer as gcs } from "../../adapters/storage/gcs/layer.ts";
import type { GcsSettings } from "../../adapters/storage/gcs/settings.ts";
import { layer as minio } from "../../adapters/storage/minio/layer.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { Presigner } from "../../application/ports/presigner.ts";
import { createBucket, startGcsVerifier } from "../google/store.ts";
import { atTestEnd } from "../support/at-test-end.ts";
import { BY_HMAC, gcsSettings, HMAC_KEY } from "../support/gcs-store.ts";
import { need } from "../support/need.ts";
import { s3Settings } from "../support/s3-store.ts";

const server = await need("minio");
const fakeGcs = await need("fakeGcs");

type Store = Layer.Layer<Presigner | ObjectStore>;

/** Checks that a PUT goes to `host` with nothing but the key as its path, and is stored. */
async function expectStoredAt(host: string, store: Store): Promise<void> {
  const { put, get } = await Effect.runPromise(
    Effect.gen(function* () {
      const presigner = yield* Presigner;
      const request = putRequest();
      return {
        put: yield* presigner.put(request),
        get: yield* presigner.get(getRequest(request.key)),
      };
    }).pipe(Effect.provide(store)),
  );
  const url = new URL(put.url);
  expect([url.hostname, url.pathname.split("/")[1]]).toEqual([host, "orgs"]);
  const { headers } = put;
  const stored = await sendToLoopback("PUT", put.url, { headers, body: CONTENT });
  expect(stored.status, stored.body.toString()).toBe(200);
  const read = await sendToLoopback("GET", get.url);
  expect(read.body.equals(CONTENT)).toBe(true);
}

/** Connects to this machine, whatever the host in the URL. */
const sendToLoopback: typeof send = (method, url, { headers, ...options } = {}) => {
  const { host, hostname } = new URL(url);
  return send(method, url.replace(hostname, "127.0.0.1"), {
    ...options,
    headers: { Host: host, ...headers },
  });
};

const bucket = `virtual-${crypto.randomUUID()}`;

const s3 = (pathStyle: boolean) =>
  s3Settings(`http://localhost:${new URL(server?.endpoint ?? "http://none").port}`, {
    bucket,
    createBucket: true,
    accessKey: server?.accessKey,
    secretKey: Redacted.make(server?.secretKey ?? ""),
    pathStyle,
  });

it.skipIf(server?.domain === undefined).each<{
  readonly name: string;
  readonly make: (settings: ReturnType<typeof s3>) => Store;
}>([
  { name: "minio", make: minio },
  { name: "aws, native signer", make: (settings) => aws({ ...settings, signer: "native" }) },
  { name: "aws, official signer", make: (settings) => aws({ ...settings, signer: "sdk" }) },
])("$name: an upload to the bucket as a host is stored", async ({ make }) => {
  const byPath = make(s3(true));
  const ensure = Effect.flatMap(ObjectStore, (store) => store.ensureBucket);
  await Effect.runPromise(Effect.provide(ensure, byPath));
  await expectStoredAt(`${bucket}.localhost`, make(s3(false)));
});

async function openGcs(name: string): Promise<GcsSettings> {
  const upstream = fakeGcs ?? "";
  await createBucket(upstream, name);
  const store = await startGcsVerifier({ upstream, ...BY_HMAC });
  atTestEnd(store.close);
  return gcsSettings(`http://localhost:${store.port}`, {
    bucket: name,
    pathStyle: false,
    key: HMAC_KEY,
  });
}

it.skipIf(fakeGcs === undefined)("gcs: an upload to the bucket as a host is stored", async () => {
  await expectStoredAt(`${bucket}.localhost`, gcs(await openGcs(bucket)));
});

it.skipIf(fakeGcs === undefined)(
  "gcs: an upload to the bucket's own domain is stored",
  async () => {
    // A bucket with a domain of its own has the same name.
    const domain = `${bucket}.example`;
    const settings = await openGcs(domain);
    const customDomain = new URL(`http://${domain}:${settings.endpoint.port}`);
    await expectStoredAt(domain, gcs({ ...settings, pathStyle: true, customDomain }));
  },
);
