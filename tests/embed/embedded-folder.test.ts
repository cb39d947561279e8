import * as Effect from "effect/Effect";
import * as FastCheck from "fast-check";
import { createHash } from "node:crypto";
import fs, {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { expect, it, vi } from "vitest";
import { openFolder } from "../../adapters/storage/local/folder.ts";
import {
  moveIntoPlace,
  placeOf,
  removeEmpty,
  walk,
} from "../../adapters/storage/local/key-tree.ts";
import {
  objectPath,
  openObject,
  removeObject,
  removeUnconfirmed,
  writeObject,
} from "../../adapters/storage/local/objects.ts";
import { startUpload } from "../../adapters/storage/local/parts.ts";
import { embeddedStorage } from "../../adapters/storage/local/storage.ts";
import { forgetOrganization } from "../../application/files/forget-organization.ts";
import { ObjectStore, type PageQuery } from "../../application/ports/object-store.ts";
import { sweepUploads } from "../../application/files/sweep-uploads.ts";
import { OrganizationId } from "../../domain/organization.ts";
import { makeFolder } from "../support/make-folder.ts";

/** The names of all calls to the file system that this work makes. */
async function callsOf(work: () => Promise<unknown>): Promise<ReadonlyArray<string>> {
  const calls: Array<string> = [];
  const names = [
    "link",
    "lstat",
    "mkdir",
    "open",
    "readdir",
    "readFile",
    "rename",
    "rmdir",
  ] as const;
  for (const name of names) {
    const real: (...given: ReadonlyArray<never>) => unknown = promises[name];
    vi.spyOn(promises, name).mockImplementation((...given: ReadonlyArray<unknown>) => {
      calls.push(name);
      return Reflect.apply(real, promises, given);
    });
  }
  for (const name of ["lstatSync", "openSync", "readdirSync", "readSync"] as const) {
    const real: (...given: ReadonlyArray<never>) => unknown = fs[name];
    vi.spyOn(fs, name).mockImplementation((...given: ReadonlyArray<unknown>) => {
      calls.push(name);
      return Reflect.apply(real, fs, given) as never;
    });
  }
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  }
  return calls;
}

it("the embedded store keeps its secret, which URLs that were signed need, and takes no part of one", async () => {
  const folder = makeFolder();
  const [{ secretKey }, atOnce] = await Promise.all([openFolder(folder), openFolder(makeFolder())]);
  expect(Buffer.from(secretKey, "base64")).toHaveLength(32);
  expect((await openFolder(folder)).secretKey).toBe(secretKey);
  expect(atOnce.secretKey).not.toBe(secretKey);
  expect(statSync(join(folder, "secret")).mode & 0o777).toBe(0o600);
  writeFileSync(join(folder, "secret"), secretKey.slice(1));
  await expect(openFolder(folder)).rejects.toThrow(/secret is damaged; remove it/);
});

const write = async (folder: Awaited<ReturnType<typeof openFolder>>, key: string) =>
  writeObject(folder, {
    path: () => objectPath(folder, key),
    contentType: "image/png",
    writeOnce: false,
    size: 1,
    bytes: Readable.from([Buffer.from("a")]),
  });

const uuid = (index: number) =>
  `${createHash("md5").update(String(index)).digest("hex").slice(0, 8)}-9d4a-4c6b-8e7f-0a1b2c3d4e5f`;
const keyOf = (index: number, organization = "acme") =>
  `orgs/${organization}/files/2026/11/${uuid(index)}.png`;

/** A store, and how it gets as many objects of one organization, whose bytes are one file. */
async function storeWith() {
  const directory = makeFolder();
  const { layer } = embeddedStorage({ bucket: "files", directory }, new URL("http://127.0.0.1"));
  const store = await Effect.runPromise(
    Effect.scoped(Effect.provide(Effect.context<ObjectStore>(), layer)),
  );
  const folder = await openFolder(directory);
  await write(folder, `/files/${keyOf(0)}`);
  const fill = (files: number) => {
    for (let index = 1; index < files; index += 1) {
      const path = objectPath(folder, `/files/${keyOf(index)}`);
      mkdirSync(dirname(path), { recursive: true });
      linkSync(objectPath(folder, `/files/${keyOf(0)}`), path);
    }
  };
  const list = (below: PageQuery) =>
    Effect.runPromise(
      Effect.provide(
        ObjectStore.use((each) => each.list?.objects(below) ?? Effect.die("it lists nothing")),
        store,
      ),
    );
  return { folder, store, fill, list };
}

it("an empty organization costs the same beside one file of another and beside 5,000", async () => {
  const { folder, store, fill, list } = await storeWith();
  const organization = OrganizationId.make("nobody");
  const work: Readonly<Record<string, () => Promise<unknown>>> = {
    page: async () =>
      expect(await list({ prefix: "orgs/nobody/", limit: 1000 })).toEqual({ found: [] }),
    forget: () => {
      const request = {
        organization,
        apply: true,
        keepsMarks: true,
        report: () => expect.unreachable(),
      };
      return Effect.runPromise(Effect.provide(forgetOrganization(request), store));
    },
    sweep: () =>
      Effect.runPromise(
        Effect.provide(
          sweepUploads(1, () => Effect.void),
          store,
        ),
      ),
    expiry: () => removeUnconfirmed(folder, "files"),
  };
  const few = new Map<string, ReadonlyArray<string>>();
  for (const [name, does] of Object.entries(work)) few.set(name, await callsOf(does));
  expect(few.get("page")).toEqual(["readdirSync"]);
  fill(5000);
  for (const [name, does] of Object.entries(work)) {
    expect(await callsOf(does), name).toEqual(few.get(name));
  }
  const abouts = async () => (await callsOf(work["forget"] ?? expect.unreachable)).join();
  const before = await abouts();
  for (let index = 0; index < 20; index += 1) {
    await startUpload(folder, { key: `/files/${keyOf(index)}`, contentType: "image/png" });
  }
  expect(await abouts()).toBe(before);
});

it("a page opens the files that it names, wherever it begins", async () => {
  const { fill, list } = await storeWith();
  fill(5000);
  const keys = Array.from({ length: 5000 }, (_, index) => keyOf(index)).toSorted();
  for (const start of [0, 1234, 4995]) {
    const after = keys[start - 1];
    const shown = keys.slice(start, start + 10);
    const made = await callsOf(async () => {
      const { found, next } = await list({ prefix: "orgs/acme/", after, limit: 10 });
      expect(found.map(({ key }) => key)).toEqual(shown);
      expect(next).toBe(start + 10 < keys.length ? shown.at(-1) : undefined);
    });
    // A call that is waited for costs four times as much.
    expect(made.filter((name) => !name.endsWith("Sync"))).toEqual([]);
    for (const each of ["openSync", "lstatSync", "readSync"]) {
      expect(made.filter((name) => name === each)).toHaveLength(shown.length);
    }
    expect(made.length).toBeLessThan(100);
  }
});

const piece = FastCheck.constantFrom(
  "a",
  "b",
  "ab",
  "abc",
  "a-b",
  "a.b",
  "A",
  "a_",
  "0",
  "~",
  "..",
);
const key = FastCheck.array(piece, { minLength: 1, maxLength: 4 }).map((all) => all.join("/"));
const cut = FastCheck.tuple(key, FastCheck.nat(8)).map(([all, length]) => all.slice(0, length));

it("objects come in the order of their keys as text, below any prefix and after any key", async () => {
  await FastCheck.assert(
    FastCheck.asyncProperty(
      FastCheck.uniqueArray(key, { maxLength: 12 }),
      cut,
      FastCheck.option(FastCheck.oneof(key, cut), { nil: undefined }),
      async (keys, prefix, after) => {
        const root = makeFolder();
        mkdirSync(join(root, "tree"));
        const tree = join(root, "tree");
        for (const each of keys) {
          const from = join(root, "new");
          writeFileSync(from, each);
          await moveIntoPlace(tree, { from, to: placeOf(tree, each), writeOnce: false });
        }
        const walked = [];
        for await (const found of walk(tree, { prefix, after })) {
          expect(readFileSync(found.path, "utf8")).toBe(found.key);
          walked.push(found.key);
        }
        const meant = keys.filter(
          (each) => each.startsWith(prefix) && (after === undefined || each > after),
        );
        expect(walked).toEqual(meant.toSorted());
        for (const each of keys) {
          rmSync(placeOf(tree, each));
          await removeEmpty(tree, dirname(placeOf(tree, each)));
        }
        expect(readdirSync(root)).toEqual(["tree"]);
        expect(readdirSync(tree)).toEqual([]);
      },
    ),
  );
});

it("writing and removing beside each other loses no object and leaves no folder", async () => {
  const folder = await openFolder(makeFolder());
  const keys = Array.from({ length: 8 }, (_, index) => `/files/${keyOf(index)}`);
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(
      keys.map(async (each) => {
        await write(folder, each);
        const object = await openObject(folder, each);
        expect(object?.size).toBe(1);
        await object?.close();
        await removeObject(folder, each);
      }),
    );
  }
  expect(readdirSync(folder.objects)).toEqual([]);
});
