import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import type { RequestListener, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { expect, it, onTestFinished, vi } from "vitest";
import { readObject } from "../../../adapters/storage/rest/read-object.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { incomingKey, type StorageKey } from "../../../domain/storage-key.ts";
import { s3Bucket } from "../../support/s3-store.ts";
import { serve } from "../../support/serve.ts";

const ETAG = '"an-etag"';
const SIZE = 10_000;
const BYTES = Buffer.alloc(SIZE, "valetkey ");
const object = {
  key: incomingKey("orgs/acme/files/2026/11/a.png" as StorageKey),
  etag: ETAG,
  size: SIZE,
  version: undefined,
};
const RANGE = { etag: ETAG, "content-range": `bytes 0-4099/${SIZE}`, "content-length": "4100" };

async function start(handler: RequestListener) {
  const bucket = s3Bucket(await serve(handler));
  return (length?: number) =>
    readObject(bucket, { ...object, ...(length && { length }) }, [], ({ status }) =>
      Effect.fail(new StoreUnavailable({ kind: "refused", reason: `it answered ${status}` })),
    );
}

async function bytesIn(opened: AsyncIterable<Uint8Array> | "changed") {
  if (opened === "changed") return opened;
  const pieces: Array<Uint8Array> = [];
  for await (const piece of opened) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

const failure = { _tag: "StoreUnavailable" };

it("the first bytes of an object are asked for by range, on condition of its ETag", async () => {
  const asked: Array<unknown> = [];
  const read = await start(({ headers }, response) => {
    asked.push(headers["range"], headers["if-match"], headers["accept-encoding"]);
    response.writeHead(206, RANGE).end(BYTES.subarray(0, 4100));
  });
  const bytes = await bytesIn(await Effect.runPromise(read(4100)));
  expect(bytes).toBe(BYTES.subarray(0, 4100).toString());
  expect(asked).toEqual(["bytes=0-4099", ETAG, expect.stringMatching(/^identity(, identity)?$/)]);
});

it("a store that ignores the range is not read beyond it, though it never ends", async () => {
  const closed = Promise.withResolvers<void>();
  const endless = (response: ServerResponse) => {
    while (response.write(BYTES.subarray(0, 1000)));
    response.once("drain", () => endless(response));
  };
  const read = await start((_, response) => {
    response.once("close", closed.resolve);
    // Longer than what was looked at could be, so that the connection has to be cut.
    response.writeHead(200, { etag: ETAG, "content-length": `${SIZE}` });
    response.write(BYTES.subarray(0, 5000));
  });
  expect(await bytesIn(await Effect.runPromise(read(4100)))).toHaveLength(4100);
  await closed.promise;

  const longer = await start((_, response) => {
    response.once("close", closed.resolve);
    response.writeHead(206, { ...RANGE, "content-length": "100000000000" });
    endless(response);
  });
  expect(await Effect.runPromise(Effect.flip(longer(4100)))).toMatchObject(failure);
});

it.each([
  ["with another ETag", 206, { ...RANGE, etag: '"another"' }],
  ["that answers 412", 412, {}],
  ["that answers 404", 404, {}],
] as const)("an object %s is changed", async (_, status, headers) => {
  const read = await start((_, response) =>
    response.writeHead(status, headers).end(BYTES.subarray(0, status === 206 ? 4100 : 0)),
  );
  expect(await Effect.runPromise(read(4100))).toBe("changed");
});

it.each([
  ["of another version", { ...RANGE, etag: '"another"' }],
  ["of another range", { ...RANGE, "content-range": `bytes 1-4100/${SIZE}` }],
])("bytes %s are not waited for", async (_, headers) => {
  let isCancelled = false;
  const body = new ReadableStream({ cancel: () => void (isCancelled = true) });
  const answer = new Response(body, { status: 206, headers });
  vi.spyOn(globalThis, "fetch").mockResolvedValueOnce(answer);
  onTestFinished(() => void vi.restoreAllMocks());
  const read = await start(() => expect.unreachable());
  await Effect.runPromise(Effect.exit(read(4100)));
  expect(isCancelled).toBe(true);
});

const coded = gzipSync(BYTES);

it.each([
  ["of another range", 206, { ...RANGE, "content-range": `bytes 1-4100/${SIZE}` }, 4100],
  ["of another size", 206, { ...RANGE, "content-range": "bytes 0-4099/20000" }, 4100],
  ["without a length", 200, { etag: ETAG, "transfer-encoding": "chunked" }, SIZE],
  ["that were decoded", 206, { ...RANGE, "content-encoding": "gzip" }, 4100],
  ["of an error", 403, {}, 0],
] as const)(
  "bytes %s are not taken for those of the object",
  async (_, status, headers, length) => {
    const isCoded = "content-encoding" in headers;
    const read = await start((_, response) =>
      response.writeHead(status, headers).end((isCoded ? coded : BYTES).subarray(0, length)),
    );
    expect(await Effect.runPromise(Effect.flip(read(4100)))).toMatchObject(failure);
  },
);

it("an object that ends before its last byte is no shorter object", async () => {
  const read = await start((_, response) => {
    response.writeHead(206, RANGE);
    response.write(BYTES.subarray(0, 1000), () => response.destroy());
  });
  const opened = await Effect.runPromise(read(4100));
  await expect(bytesIn(opened)).rejects.toMatchObject(failure);
});

it("a reader that stops closes the connection, also while it waits for a piece", async () => {
  const closed = Promise.withResolvers<void>();
  const read = await start((_, response) => {
    response.once("close", closed.resolve);
    response.writeHead(200, { etag: ETAG, "content-length": `${SIZE}` });
    response.write(BYTES.subarray(0, 10));
  });
  const opened = await Effect.runPromise(read());
  if (opened === "changed") throw new Error("it is the same");
  const reader = opened[Symbol.asyncIterator]();
  await reader.next();
  const second = reader.next().catch((cause: unknown) => cause);
  await reader.return?.();
  await closed.promise;
  expect(await second).toMatchObject(failure);
});

it("a call that is interrupted before the store answers is aborted", async () => {
  const asked = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const read = await start((_, response) => {
    response.once("close", closed.resolve);
    asked.resolve();
  });
  const fiber = Effect.runFork(read());
  await asked.promise;
  await Effect.runPromise(Fiber.interrupt(fiber));
  await closed.promise;
});
