import { mkdirSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runToEnd, startProcess } from "../support/service-process.ts";
import { endure } from "./endure.ts";
import { HASTENED } from "./hastened.ts";
import { mountSmallDisk, type SmallDisk } from "./small-disk.ts";

let disk: SmallDisk;
const start = (env = {}) => startProcess({ ...env, STORAGE_LOCAL_DIR: disk.folder }, disk.command);

beforeAll(async () => {
  disk = await mountSmallDisk();
});
afterAll(async () => {
  await disk.end();
});

it("a first start on a full disk leaves nothing that keeps the next from starting", async () => {
  for (const folder of ["objects", "temporary"]) mkdirSync(join(disk.seen, folder));
  const filler = disk.fill("filler");
  const { code, output } = await runToEnd({ STORAGE_LOCAL_DIR: disk.folder }, await disk.command());
  expect(output).toContain("the disk is full");
  expect(code).toBe(1);
  rmSync(filler);
  await (await start()).stop();
});

/** What needs room while there is none. */
const STORING = (put: string) => ({
  put: ["200", put],
  start: ["200", "503 STORE_UNAVAILABLE"],
  part: ["200", put],
  complete: ["200", "503 STORE_UNAVAILABLE"],
});

it("a full disk refuses what needs room, and nothing is lost once there is room again", async () => {
  let filler = "";
  const service = await start();
  await endure(() => service, {
    name: "the disk of the embedded store is full",
    begin: () => (filler = disk.fill("filler")),
    end: () => rmSync(filler),
    allowed: STORING("507 InsufficientStorage"),
    answers: { presign: 20, put: 20, start: 5 },
    shows: ["put 507 InsufficientStorage", "start 503 STORE_UNAVAILABLE"],
  });
});

it("a read-only disk refuses what is written, and nothing is lost once it can be written again", async () => {
  const service = await start();
  await endure(() => service, {
    name: "the disk of the embedded store is read-only",
    begin: () => disk.remount("ro"),
    needsQuiet: true,
    end: () => disk.remount("rw"),
    allowed: STORING("503 ServiceUnavailable"),
    answers: { presign: 20, put: 20, start: 5 },
    shows: ["put 503 ServiceUnavailable", "start 503 STORE_UNAVAILABLE"],
  });
});

it("a disk that a crash has filled is freed by the service while it runs", async () => {
  const service = await start(HASTENED);
  await endure(() => service, {
    name: "what a crash left fills the disk",
    begin: () => {
      const left = disk.fill("temporary/left");
      const anHourAgo = new Date(Date.now() - 60 * 60_000);
      utimesSync(left, anHourAgo, anHourAgo);
    },
    end: () => undefined,
    allowed: STORING("507 InsufficientStorage"),
    answers: { presign: 20, put: 20, start: 5 },
    shows: ["put 507 InsufficientStorage"],
  });
});
