import * as Option from "effect/Option";
import { link, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { PNG } from "../../../adapters/contract/sending/uploads.ts";
import { openFolder } from "../../../adapters/storage/local/folder.ts";
import {
  endUpload,
  listParts,
  startUpload,
  writePart,
} from "../../../adapters/storage/local/parts.ts";
import { makeFolder } from "../../support/make-folder.ts";

const MOST = 10_000;

/** An upload of the embedded store, and how a part of it is sent. */
async function startEmbedded() {
  const folder = await openFolder(makeFolder());
  const key = "/files/orgs/acme/files/a.png";
  const upload = { key, uploadId: await startUpload(folder, { key, contentType: PNG }) };
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
