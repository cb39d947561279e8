import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { openFolder } from "../../adapters/storage/local/folder.ts";
import { objectPath, openObject, writeObject } from "../../adapters/storage/local/objects.ts";
import { until } from "../support/until.ts";

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
  const cancelled = await openObject(folder, "files/a");
  const timeouts = { piece: 60_000, whole: 60_000 };
  await cancelled?.bytes({ start: 0, end: SIZE - 1, timeouts }).cancel();
  if (process.platform === "linux") {
    const open = () => readdirSync("/proc/self/fd").map(targetOf).join();
    await until("closing", () => !open().includes(directory), 10);
  }
  rmSync(directory, { recursive: true });
});
