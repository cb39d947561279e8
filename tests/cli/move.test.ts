import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, it, onTestFinished, vi } from "vitest";
import { embeddedStorage } from "../../adapters/storage/local/storage.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { MULTIPART_LIFETIME } from "../../domain/multipart.ts";
import { CONFIRM_GRACE } from "../../domain/receipt.ts";
import type { IncomingKey } from "../../domain/storage-key.ts";
import { valetkey } from "../support/command-line.ts";
import { makeFolder } from "../support/make-folder.ts";
import { serve } from "../support/serve.ts";

const folder = makeFolder();
const path = join(folder, "stores.json");
const write = (org_1: unknown, over: object = {}) =>
  writeFileSync(
    path,
    JSON.stringify({
      stores: {
        eu: { adapter: "local", directory: join(folder, "eu") },
        us: { adapter: "local", directory: join(folder, "us") },
        ...over,
      },
      organizations: { org_1 },
    }),
  );
const move = (...args: ReadonlyArray<string>) =>
  valetkey(["move", "--org", "org_1", ...args], { STORAGE_LOCAL_DIR: folder, STORES: path });

it("nothing moves unless the document of stores says so", async () => {
  for (const [place, ...args] of [
    ["us", "--to", "eu"],
    [{ store: "eu", from: "us" }, "--to", "us"],
    [{ store: "eu", from: "us" }, "--to", "eu", "--from", "eu"],
    [{ store: "eu", from: "us" }, "--to", "elsewhere"],
  ] as const) {
    write(place);
    const { code, stdout, stderr } = await move(...args);
    expect([code, stdout]).toEqual([64, ""]);
    expect(stderr).toContain("STORES does not say that org_1 moves to");
  }
  const { code, stderr } = await valetkey(["move", "--org", "org_1", "--to", "eu"], {
    STORAGE_LOCAL_DIR: folder,
  });
  expect([code, stderr]).toEqual([64, expect.stringContaining("STORES does not say")]);
});

// As long as an upload in parts may last, be confirmed, and be copied.
const LONGEST = Duration.toMillis(
  Duration.sum(Duration.sum(MULTIPART_LIFETIME, CONFIRM_GRACE), Duration.hours(1)),
);

it("it says until when uploads may arrive in the old store, and then what to change", async () => {
  write({ store: "eu", from: "us" });
  const monthAgo = new Date(Date.now() - 30 * 24 * 60 * 60 * 1000);
  const ahead = new Date(Math.floor(Date.now() / 1000) * 1000 + 60_000);
  // The file may have been copied with the time of its original.
  for (const time of [monthAgo, ahead]) {
    utimesSync(path, time, time);
    const { ctimeMs } = statSync(path);
    const placed = Math.max(Math.ceil(ctimeMs), time.getTime());
    const [at, until] = [placed, placed + LONGEST].map((ms) => new Date(ms).toISOString());
    const { code, stderr } = await move("--to", "eu");
    expect(code).toBe(0);
    expect(stderr).toContain(`changed, at ${at}, may arrive until ${until}: run this again then.`);
  }
  vi.useFakeTimers({ toFake: ["Date"], now: ahead.getTime() + LONGEST + 1 });
  onTestFinished(() => void vi.useRealTimers());
  const { code, stderr } = await move("--to", "eu");
  expect(code).toBe(0);
  expect(stderr).toContain('No more uploads can arrive there: write "org_1": "eu" among');
});

it("where STORES is no file, it says for how long uploads may arrive, and then what to change", async () => {
  write({ store: "eu", from: "us" });
  const { code, stderr } = await valetkey(["move", "--org", "org_1", "--to", "eu"], {
    STORAGE_LOCAL_DIR: folder,
    STORES: readFileSync(path, "utf8"),
  });
  expect(code).toBe(0);
  expect(stderr).toContain("may arrive for 49 hours after it: run this again then, and write");
});

/** Stores an empty file in the old store. */
const storeFile = async () => {
  const key = "orgs/org_1/files/2026/11/00000000-0000-4000-8000-000000000000.txt" as IncomingKey;
  const us = { bucket: "files", directory: join(folder, "us") };
  const { layer } = embeddedStorage(us, new URL("http://127.0.0.1:9"));
  const stored = ObjectStore.use(({ copies }) => copies?.writeEmpty(key) ?? expect.unreachable());
  await Effect.runPromise(Effect.provide(stored, layer));
  return key;
};

it("a file that the new store does not take is named, and the command fails", async () => {
  write({ store: "eu", from: "us" });
  const key = await storeFile();
  let isFollowed = false;
  const { origin } = await serve(({ url }, response) => {
    isFollowed ||= url === "/elsewhere";
    response.writeHead(307, { Location: "/elsewhere" }).end();
  });
  const { code, stdout, stderr } = await valetkey(["move", "--org", "org_1", "--to", "eu"], {
    PUBLIC_URL: origin,
    STORAGE_LOCAL_DIR: folder,
    STORES: path,
  });
  const reason = "the store answered 307 without a code to a copy";
  expect([code, JSON.parse(stdout)]).toEqual([1, { key, size: 0, outcome: "failed", reason }]);
  expect(stderr).toContain("1 files could not be copied; run this again.");
  expect(isFollowed).toBe(false);
});

it("the answers of a customer's bucket are bounded, and not decompressed", async () => {
  const key = await storeFile();
  const list =
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated></ListBucketResult>';
  const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20));
  const { origin } = await serve(({ method, url }, response) => {
    if (method === "GET") return response.end(list);
    if (method === "PUT") return response.writeHead(200, { "Content-Encoding": "gzip" }).end(bomb);
    return response.writeHead(url?.includes("/orgs/") ? 404 : 200).end();
  });
  const own = { adapter: "minio", endpoint: origin, bucket: "files", access_key: "key" };
  const eu = { ...own, secret_key: { variable: "SECRET" }, untrusted: true, allow_private: true };
  write({ store: "eu", from: "us" }, { eu });
  const { code, stdout } = await valetkey(["move", "--org", "org_1", "--to", "eu"], {
    STORAGE_LOCAL_DIR: folder,
    STORES: path,
    SECRET: "secret-of-a-customer",
  });
  // The piece was sent, and is not there.
  const reason = "the new store has not kept the file as it was sent";
  expect([code, JSON.parse(stdout)]).toEqual([1, { key, size: 0, outcome: "failed", reason }]);
});
