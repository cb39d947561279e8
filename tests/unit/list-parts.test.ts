import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Redacted from "effect/Redacted";
import { once } from "node:events";
import { link, mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { layer as aws } from "../../adapters/storage/aws/layer.ts";
import { newKey, PNG } from "../../adapters/storage/contract/uploads.ts";
import { openFolder } from "../../adapters/storage/local/folder.ts";
import {
  endUpload,
  listParts,
  startUpload,
  writePart,
} from "../../adapters/storage/local/parts.ts";
import { layer as minio } from "../../adapters/storage/minio/layer.ts";
import { layer as telemetry } from "../../adapters/telemetry/log.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";

const MOST = 10_000;

const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

// No real upload of a test has so many parts, so a double answers with pages: "ListParts", Amazon S3
// API Reference.
async function startDouble(pageOf: (after: number) => { numbers: number[]; next?: number }) {
  const asked: Array<number> = [];
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "", "http://store");
    const after = Number(searchParams.get("part-number-marker"));
    asked.push(after);
    const { numbers, next } = pageOf(after);
    const parts = numbers.map(
      (number) =>
        `<Part><PartNumber>${number}</PartNumber><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;${number}&quot;</ETag><Size>5</Size></Part>`,
    );
    response.setHeader("Content-Type", "application/xml");
    response.end(
      `<?xml version="1.0" encoding="UTF-8"?><ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>${next !== undefined}</IsTruncated><NextPartNumberMarker>${next ?? 0}</NextPartNumberMarker>${parts.join("")}</ListPartsResult>`,
    );
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { endpoint: new URL(`http://127.0.0.1:${port}`), asked };
}

const pagesOf = (size: number) => (after: number) => {
  const numbers = Array.from({ length: Math.min(size, MOST - after) }, (_, i) => after + i + 1);
  const last = after + numbers.length;
  return last < MOST ? { numbers, next: last } : { numbers };
};

describe.each([
  { client: "the MinIO adapter", make: minio },
  {
    client: "the AWS adapter",
    make: (settings: Parameters<typeof minio>[0]) => aws({ ...settings, signer: "native" }),
  },
])("$client", ({ make }) => {
  const list = (endpoint: URL) => {
    const store = make({
      provider: "minio",
      bucket: "files",
      createBucket: false,
      region: "us-east-1",
      endpoint,
      accessKey: "access-key",
      secretKey: Redacted.make("the-secret-key"),
      pathStyle: true,
    }).pipe(Layer.provide(telemetry({ level: "none", format: "json" })));
    return Effect.runPromise(
      ObjectStore.use(
        ({ multipart }) =>
          multipart?.list({ key: newKey(), uploadId: "id" }) ?? Effect.die("no multipart"),
      ).pipe(Effect.provide(store)),
    );
  };

  it("10,000 parts are listed in ascending order, from pages of 1,000", async () => {
    const { endpoint, asked } = await startDouble(pagesOf(1000));
    const parts = Option.getOrThrow(await list(endpoint));
    expect(parts.map(({ partNumber }) => partNumber)).toEqual(
      Array.from({ length: MOST }, (_, i) => i + 1),
    );
    expect(parts.at(-1)).toMatchObject({ size: 5, etag: '"10000"' });
    expect(asked).toHaveLength(10);
  });

  it("a store that names the same page again is not asked for ever", async () => {
    const { endpoint, asked } = await startDouble(() => ({ numbers: [1], next: 1 }));
    expect(Option.getOrThrow(await list(endpoint))).toMatchObject([{ partNumber: 1 }]);
    expect(asked).toEqual([0, 1]);
  });
});

/** An upload of the embedded store, and how a part of it is sent. */
async function startEmbedded() {
  const directory = await mkdtemp(join(tmpdir(), "valetkey-parts-"));
  closing.push(() => rm(directory, { recursive: true }));
  const folder = await openFolder(directory);
  const key = "/files/orgs/acme/files/a.png";
  const upload = { key, uploadId: await startUpload(folder, { key, mediaType: PNG }) };
  const send = (number: number, bytes: AsyncIterable<Uint8Array> = new Blob(["a"]).stream()) =>
    writePart(folder, { ...upload, number, size: 1, bytes });
  const list = async () => Option.getOrUndefined(await listParts(folder, upload));
  return { folder, upload, send, list };
}

it("the embedded store lists 10,000 parts in ascending order", async () => {
  const { folder, upload, send, list } = await startEmbedded();
  await send(1);
  // As small as no client may send them, and one file under 10,000 names.
  const path = join(folder.uploads, upload.uploadId);
  const first = (await readdir(path)).find((name) => name.startsWith("1-")) ?? "";
  for (let number = 2; number <= MOST; number += 1) {
    await link(join(path, first), join(path, first.replace("1", String(number))));
  }
  expect((await list())?.map(({ partNumber }) => partNumber)).toEqual(
    Array.from({ length: MOST }, (_, i) => i + 1),
  );
});

it("a part that is sent again replaces the one of its number in the embedded store, and no other", async () => {
  const { send, list } = await startEmbedded();
  for (const number of [1, 10, 111]) await send(number);
  const etag = await send(1, new Blob(["b"]).stream());
  const parts = (await list()) ?? [];
  expect(parts.map(({ partNumber }) => partNumber)).toEqual([1, 10, 111]);
  expect(parts.map((part) => part.etag === etag)).toEqual([true, false, false]);
});

it("a part whose upload ends while it arrives is refused by the embedded store, and leaves nothing", async () => {
  const { folder, upload, send, list } = await startEmbedded();
  const arriving = async function* () {
    await endUpload(folder, upload);
    yield Buffer.from("a");
  };
  await expect(send(1, arriving())).rejects.toMatchObject({ code: "NoSuchUpload" });
  expect(await list()).toBeUndefined();
  expect([await readdir(folder.temporary), await readdir(folder.uploads)]).toEqual([[], []]);
});
