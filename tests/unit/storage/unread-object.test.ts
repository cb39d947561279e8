import { readdirSync, readlinkSync } from "node:fs";
import { Readable } from "node:stream";
import * as Effect from "effect/Effect";
import { expect, it } from "vitest";
import { getRequest, newKey } from "../../../adapters/contract/sending/uploads.ts";
import { openFolder } from "../../../adapters/storage/local/folder.ts";
import { layer as local } from "../../../adapters/storage/local/layer.ts";
import { objectPath, openObject, writeObject } from "../../../adapters/storage/local/objects.ts";
import type { Storage } from "../../../adapters/storage/storage.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { makeFolder } from "../../support/make-folder.ts";
import { storeFile } from "../../support/store-file.ts";
import { until } from "../../support/until.ts";

const SIZE = 1024 * 1024;

function targetOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    // That with which the folder was read.
    return "";
  }
}

it("a download that is not read is aborted, and one that is cancelled leaves no file open", async () => {
  const directory = makeFolder();
  const folder = await openFolder(directory);
  await writeObject(folder, {
    path: () => objectPath(folder, "files/a"),
    contentType: "image/png",
    size: SIZE,
    writeOnce: false,
    bytes: Readable.from([new Uint8Array(SIZE)]),
  });
  for (const timeouts of [
    { piece: 50, whole: 60_000 },
    { piece: 60_000, whole: 50 },
  ]) {
    const object = await openObject(folder, "files/a");
    const reader = object?.bytes({ start: 0, end: SIZE - 1, timeouts }).getReader();
    expect((await reader?.read())?.done).toBe(false);
    await expect(reader?.closed).rejects.toMatchObject({ code: "RequestTimeout" });
  }
  const cancelled = await openObject(folder, "files/a");
  const timeouts = { piece: 60_000, whole: 60_000 };
  await cancelled?.bytes({ start: 0, end: SIZE - 1, timeouts }).cancel();
  await nothingIsOpenIn(directory);
});

it("a look at an object that gives none of its bytes leaves no file open", async () => {
  const directory = makeFolder();
  let fetch: Storage["fetch"];
  const address = new URL("http://localhost/store");
  const store = local({ bucket: "files", directory }, address, (own) => (fetch = own));
  const key = newKey();
  await storeFile(directory, key);
  const look = Effect.gen(function* () {
    const { head, read } = yield* ObjectStore;
    yield* head(key);
    const { url } = yield* (yield* Presigner).get(getRequest(key));
    const request = new Request(url, { headers: { "If-None-Match": "*" } });
    const { status } = yield* Effect.promise(async () => fetch?.(request) ?? Response.error());
    const other = { key, etag: '"another"', size: 0, version: undefined };
    return [status, yield* read?.(other) ?? Effect.die("it reads")];
  });
  expect(await Effect.runPromise(Effect.provide(look, store))).toEqual([304, "changed"]);
  await nothingIsOpenIn(directory);
});

const openFiles = () => readdirSync("/proc/self/fd").map(targetOf).join();

async function nothingIsOpenIn(directory: string): Promise<void> {
  if (process.platform !== "linux") return;
  await until("closing", () => !openFiles().includes(directory));
}
