import { linkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { openFolder } from "../../../adapters/storage/local/folder.ts";
import { placeOf } from "../../../adapters/storage/local/key-tree.ts";
import { listObjects, openStored, writeObject } from "../../../adapters/storage/local/objects.ts";
import { makeFolder } from "../../support/make-folder.ts";

async function start() {
  const root = makeFolder();
  const folder = await openFolder(root);
  const place = (name: string) => placeOf(folder.objects, `/files/orgs/a/${name}`);
  const write = (name: string, size: number, announcement?: string) =>
    writeObject(folder, {
      path: () => place(name),
      contentType: "image/png",
      writeOnce: false,
      size,
      announcement,
      bytes: (async function* () {
        if (size > 0) yield Buffer.alloc(size, name);
      })(),
    });
  const list = (over: { after?: string; limit?: number } = {}) =>
    listObjects(folder, { bucket: "files", prefix: "orgs/a/", limit: 1000, ...over });
  return { place, write, list };
}

it("a list of the embedded store says what each object itself does", async () => {
  const { place, write, list } = await start();
  const sizes = { "b.png": 5, "a.png": 0, "a/b.png": 3000, "C-e.png": 1023, "c_1.png": 1025 };
  for (const [name, size] of Object.entries(sizes)) {
    await write(name, size);
    // Longer than what is read at once.
    await write(`${name}.long`, size, "x".repeat(2000));
  }
  const { found } = await list();
  const names = found.map(({ key }) => key.replace("orgs/a/", ""));
  expect(names).toEqual(
    Object.keys(sizes)
      .flatMap((name) => [name, `${name}.long`])
      .toSorted(),
  );
  for (const { key, size, etag, age } of found) {
    const own = await openStored(place(key.replace("orgs/a/", "")));
    await own?.close();
    expect([key, size, etag]).toEqual([key, own?.size, own?.etag]);
    expect(Math.abs(Date.now() - (own?.modified.getTime() ?? 0) - age)).toBeLessThan(60_000);
  }
  const first = await list({ limit: 3 });
  const rest = await list({ after: first.next ?? "" });
  expect([...first.found, ...rest.found].map(({ key }) => key)).toEqual(
    found.map(({ key }) => key),
  );
});

it("what is damaged, a link, or no object is in no list of the embedded store", async () => {
  const { place, write, list } = await start();
  await write("whole.png", 5);
  for (const [name, bytes] of [
    ["empty.png", Buffer.alloc(0)],
    ["short.png", Buffer.alloc(3)],
    ["long.png", Buffer.from("hello{}\xff\xff\xff\xff", "latin1")],
    ["text.png", Buffer.concat([Buffer.from("hello"), Buffer.from([0, 0, 0, 3])])],
    ["large.png", Buffer.concat([Buffer.alloc(2000), Buffer.from([0, 0, 0x10, 0])])],
  ] as const) {
    await write(name, 1);
    writeFileSync(place(name), bytes);
  }
  await write("link.png", 1);
  rmSync(place("link.png"));
  symlinkSync(place("whole.png"), place("link.png"));
  linkSync(place("whole.png"), `${place("whole.png")}.DS_Store`);
  expect((await list()).found.map(({ key }) => key)).toEqual(["orgs/a/whole.png"]);
});

it("a long list leaves room for other work", async () => {
  const { place, write, list } = await start();
  await write("aa.png", 1);
  for (let each = 1; each < 2000; each++) linkSync(place("aa.png"), place(`aa${each}.png`));
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  expect((await list({ limit: 5000 })).found).toHaveLength(2000);
  isOver = true;
  expect(turns).toBeGreaterThan(0);
});
