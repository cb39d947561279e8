import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import { expect, it } from "vitest";
import { layer as minio } from "../../../adapters/storage/minio/layer.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { s3Settings } from "../../support/s3-store.ts";
import { serve } from "../../support/serve.ts";

const servers = [
  [{ Server: "MinIO", "x-amz-request-id": "18EB4F28C792A50B" }, undefined],
  [{ "x-amz-request-id": "tx0000081ecd43cbf129fcc-006b06eca8-1014-default" }, "ceph"],
  [{ Server: "SeaweedFS 8000GB 4.48" }, "seaweedfs"],
  [{ Server: "VERSITYGW" }, "versitygw"],
] as const;

/** The messages of the log after the bucket was looked for twice. */
async function logWith(
  headers: Readonly<Record<string, string>>,
  provider: "minio" | "s3" = "minio",
): Promise<ReadonlyArray<string>> {
  const endpoint = await serve((_, response) => response.writeHead(200, headers).end());
  const messages: Array<string> = [];
  const log = Logger.layer([
    Logger.make<unknown, void>(({ message }) => void messages.push(String(message))),
  ]);
  await ObjectStore.use(({ ensureBucket }) => Effect.andThen(ensureBucket, ensureBucket)).pipe(
    Effect.provide(Layer.provideMerge(minio(s3Settings(endpoint, { provider })), log)),
    Effect.runPromise,
  );
  return messages.filter((message) => message.includes("set STORAGE_PROVIDER="));
}

it.each(servers)(
  "a warning says once that a store that answers with %j is not a MinIO: %s",
  async (headers, provider) => {
    const warnings = await logWith(headers);
    expect(warnings).toHaveLength(provider === undefined ? 0 : 1);
    if (provider !== undefined) expect(warnings.join()).toContain(`=${provider}`);
  },
);

it("a store that is configured as any server of S3's API is not warned of", async () => {
  expect(await logWith({ Server: "VERSITYGW" }, "s3")).toEqual([]);
});

it("a Swift under another name is not ready, since an upload there reads what its key can read", async () => {
  const swift = { "x-openstack-request-id": "tx2779239b672a4368b6db2-006b06eca8" };
  const reason = expect.stringMatching(/set STORAGE_PROVIDER=swift$/);
  await expect(logWith(swift)).rejects.toMatchObject({ reason });
});
