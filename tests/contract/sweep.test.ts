import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import assert from "node:assert/strict";
import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { register } from "../../adapters/contract/running/register.ts";
import { upload } from "../../adapters/contract/sending/send.ts";
import { promises } from "../../adapters/contract/promises/store-promise.ts";
import type { Subject } from "../../adapters/contract/subject/subject.ts";
import { OTHER, PNG, newKey } from "../../adapters/contract/sending/uploads.ts";
import { openFolder } from "../../adapters/storage/local/folder.ts";
import {
  linkObject,
  objectPath,
  removeUnconfirmed,
  writeObject,
} from "../../adapters/storage/local/objects.ts";
import { ObjectStore } from "../../application/ports/object-store.ts";
import { type Leftover, sweepUploads } from "../../application/files/sweep-uploads.ts";
import { incomingKey, type ObjectKey, removedKey } from "../../domain/storage-key.ts";
import { later } from "./later.ts";
import { stores } from "./stores.ts";
import { makeFolder } from "../support/make-folder.ts";

const DAY = 24 * 60 * 60 * 1000;
const DAYS = 3;

async function sweep({ store }: Subject, { days = 0, apply = true } = {}) {
  const found: Array<Leftover> = [];
  await Effect.runPromise(
    sweepUploads(DAYS, (each, remove) => {
      found.push(each);
      return apply ? remove : Effect.void;
    }).pipe(Effect.provideService(ObjectStore, later(store, days))),
  );
  return found;
}

const isThere = async ({ store }: Subject, key: ObjectKey) =>
  Option.isSome(await Effect.runPromise(store.head(key)));

const arrive = async (subject: Subject) => {
  const granted = await subject.grant({}, "incoming");
  await upload(granted.put);
  return granted;
};

const byKey = (key: string) => key;

const sweeps = promises(["copies"], {
  "uploads that nobody confirmed in time are removed, and nothing else": async (subject) => {
    const { key, receipt } = await arrive(subject);
    const confirmed = await arrive(subject);
    assert.equal((await subject.confirm(confirmed.receipt))._tag, "Done");
    const foreign = `incoming/${crypto.randomUUID()}.txt` as ObjectKey;
    await upload(await subject.signPut({ key: foreign }));
    assert.deepEqual(await sweep(subject), []);
    const shown = await sweep(subject, { days: DAYS + 1, apply: false });
    assert.ok(shown.some((each) => each.kind === "upload" && each.key === incomingKey(key)));
    assert.ok(await isThere(subject, incomingKey(key)));
    // Twice at once, beside an upload.
    const [, , fresh] = await Promise.all([
      sweep(subject, { days: DAYS + 1 }),
      sweep(subject, { days: DAYS + 1 }),
      subject.grant({}, "incoming"),
    ]);
    assert.equal(await isThere(subject, incomingKey(key)), false);
    assert.equal((await subject.confirm(receipt))._tag, "UploadIncomplete");
    assert.ok(await isThere(subject, confirmed.key));
    assert.ok(await isThere(subject, foreign));
    await upload(fresh.put);
    assert.equal((await subject.confirm(fresh.receipt))._tag, "Done");
    assert.deepEqual(await sweep(subject, { days: DAYS + 1 }), []);
  },
  "the file that a killed confirm has left of a removal is removed": async (subject) => {
    const { copies, head } = subject.store;
    assert.ok(copies);
    const { key } = await arrive(subject);
    const from = incomingKey(key);
    const looked = Option.getOrThrow(await Effect.runPromise(head(from)));
    await Effect.runPromise(copies.writeEmpty(removedKey(key)));
    const copied = copies.copy({ ...looked, key: from, to: key, contentType: PNG });
    assert.equal(await Effect.runPromise(copied), "copied");
    const files = async (apply: boolean) =>
      (await sweep(subject, { apply })).map(({ kind, key }) => ({ kind, key }));
    assert.deepEqual(await files(false), [{ kind: "file", key }]);
    assert.ok(await isThere(subject, key));
    assert.deepEqual(await files(true), [{ kind: "file", key }]);
    assert.equal(await isThere(subject, key), false);
    assert.deepEqual(await files(true), []);
    assert.equal(
      (await subject.store.list?.versions?.({ prefix: key }).pipe(Effect.runPromise))?.found
        .length ?? 0,
      0,
    );
  },
  "uploads in parts that were left open are aborted, also those of copies": async (subject) => {
    const { parts: multipart } = subject.store;
    if (multipart === undefined) return;
    const key = newKey();
    const ids = await Promise.all(
      [key, incomingKey(key)].map(async (key) => {
        const created = multipart.create({ key, contentType: PNG });
        return { key, uploadId: await Effect.runPromise(created) };
      }),
    );
    const listed = async (prefixOf: (key: string) => string) => {
      const pages = await Promise.all(
        ids.map(({ key }) => Effect.runPromise(multipart.listOpen({ prefix: prefixOf(key) }))),
      );
      const found = new Set(pages.flatMap(({ found }) => found.map(({ key }) => key)));
      return ids.filter(({ key }) => found.has(key));
    };
    assert.deepEqual(await listed(byKey), ids);
    // MinIO names only those of a whole key, and ends them by itself.
    const below = await listed((key) => `${key.split("/")[0]}/`);
    assert.deepEqual(
      below,
      multipart.abandoned?.startsWith("MinIO") || below.length < 2 ? [] : ids,
    );
    await sweep(subject, { days: 1 });
    assert.deepEqual(await listed(byKey), ids);
    await sweep(subject, { days: 2 });
    assert.deepEqual(await listed(byKey), below.length === 0 ? ids : []);
  },
});

const sweepsVersions = promises(["copies", "repeated PUT"], {
  "each version of an upload is removed": async (subject) => {
    const granted = await arrive(subject);
    await upload(granted.put);
    await upload({ ...granted.put, body: OTHER });
    await sweep(subject, { days: DAYS + 1 });
    const versions = subject.store.list?.versions;
    if (versions === undefined) return;
    const prefix = incomingKey(granted.key);
    const { found } = await Effect.runPromise(versions({ prefix }));
    // In a bucket whose versions are suspended, a removal leaves its marker.
    assert.deepEqual(
      found.filter(({ version }) => version !== undefined && version !== "null"),
      [],
    );
  },
});

for (const store of stores.filter(({ without = [] }) => !without.includes("copies"))) {
  register(store, [...sweeps, ...sweepsVersions]);
}

it("the embedded store removes by itself what nobody confirmed in nine days", async () => {
  const directory = makeFolder();
  const folder = await openFolder(directory);
  const write = async (key: string, days: number) => {
    const path = objectPath(folder, key);
    await writeObject(folder, {
      path: () => path,
      contentType: "image/png",
      writeOnce: false,
      size: 1,
      bytes: Readable.from([Buffer.from("a")]),
    });
    const at = new Date(Date.now() - days * DAY);
    await utimes(path, at, at);
    return path;
  };
  const old = await write("/files/incoming/orgs/a", 10);
  const young = await write("/files/incoming/orgs/b", 8);
  const file = await write("/files/orgs/c", 100);
  // A confirm that ended after its copy: both names are of one file.
  await write("/files/incoming/orgs/d", 10);
  const to = "/files/orgs/d";
  const etag = '"0cc175b9c0f1b6a831c399e269772661"';
  expect(await linkObject(folder, { from: "/files/incoming/orgs/d", to, etag })).toBe("copied");
  await removeUnconfirmed(folder, "files");
  const left = await readdir(folder.objects, { recursive: true, withFileTypes: true });
  const paths = left
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name));
  expect(paths.toSorted()).toEqual([young, file, objectPath(folder, to)].toSorted());
  expect(paths).not.toContain(old);
});
