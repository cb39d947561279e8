import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as Redacted from "effect/Redacted";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { layer as aws } from "../../adapters/storage/aws/layer.ts";
import { layer as minio } from "../../adapters/storage/minio/layer.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";

const servers = [
  [{ Server: "MinIO", "x-amz-request-id": "18EB4F28C792A50B" }, undefined],
  [{ "x-amz-request-id": "tx0000081ecd43cbf129fcc-006b06eca8-1014-default" }, "ceph"],
  [{ "x-openstack-request-id": "tx2779239b672a4368b6db2-006b06eca8" }, "swift"],
  [{ Server: "SeaweedFS 8000GB 4.48" }, "seaweedfs"],
  [{ Server: "VERSITYGW" }, "versitygw"],
] as const;

/** The messages of the log after the bucket was looked for twice. */
async function logWith(
  headers: Readonly<Record<string, string>>,
  makeLayer: (settings: Parameters<typeof minio>[0]) => ReturnType<typeof minio>,
  provider: "minio" | "s3" = "minio",
): Promise<ReadonlyArray<string>> {
  const store = createServer((_, response) => response.writeHead(200, headers).end());
  await once(store.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void store.close());
  const messages: Array<string> = [];
  const log = Logger.layer([
    Logger.make<unknown, void>(({ message }) => void messages.push(String(message))),
  ]);
  const layer = makeLayer({
    provider,
    bucket: "files",
    createBucket: false,
    region: "us-east-1",
    endpoint: new URL(`http://127.0.0.1:${(store.address() as AddressInfo).port}`),
    accessKey: "key",
    secretKey: Redacted.make("secret"),
    pathStyle: true,
  });
  await ObjectStore.use(({ ensureBucket }) => Effect.andThen(ensureBucket, ensureBucket)).pipe(
    Effect.provide(Layer.provideMerge(layer, log)),
    Effect.runPromise,
  );
  return messages.filter((message) => message.includes("set STORAGE_PROVIDER="));
}

describe.each([
  { adapter: "minio", layer: minio },
  {
    adapter: "aws",
    layer: (settings: Parameters<typeof minio>[0]) => aws({ ...settings, signer: "native" }),
  },
])("$adapter", ({ layer }) => {
  it.each(servers)(
    "a warning says once that a store that answers with %j is not a MinIO: %s",
    async (headers, provider) => {
      const warnings = await logWith(headers, layer);
      expect(warnings).toHaveLength(provider === undefined ? 0 : 1);
      if (provider !== undefined) expect(warnings.join()).toContain(`=${provider}`);
    },
  );

  it("a store that is configured as any server of S3's API is not warned of", async () => {
    expect(await logWith({ Server: "VERSITYGW" }, layer, "s3")).toEqual([]);
  });
});
