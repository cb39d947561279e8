import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { openFolder } from "../../adapters/storage/local/folder.ts";
import { objectPath, openObject, writeObject } from "../../adapters/storage/local/objects.ts";

const SIZE = 1024 * 1024;

it("a download that is not read is aborted", async () => {
  const directory = mkdtempSync(join(tmpdir(), "valetkey-unread-"));
  const folder = await openFolder(directory);
  await writeObject(folder, {
    path: () => objectPath(folder, "files/a"),
    mediaType: "image/png",
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
  rmSync(directory, { recursive: true });
});
