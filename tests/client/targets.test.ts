import { describe, expect, it } from "vitest";
import { createClient } from "../../adapters/client/client.ts";
import { dropTarget, pasteTarget, pathOf } from "../../adapters/client/targets.ts";
import { failure } from "./host.ts";

type Found = (result: unknown) => void;

/** An entry of a file system at this place, as browsers give it for a dropped item. */
const entryAt = (place: string) => ({ fullPath: `/${place}`, name: place.replace(/.*\//, "") });
const fileEntry = (place: string) => ({
  ...entryAt(place),
  isDirectory: false,
  file: (found: Found) => found(file(entryAt(place).name)),
});
const folderEntry = (place: string, ...batches: ReadonlyArray<ReadonlyArray<unknown>>) => ({
  ...entryAt(place),
  isDirectory: true,
  createReader: () => {
    const left = [...batches];
    return { readEntries: (found: Found) => found(left.shift() ?? []) };
  },
});
const fail = (_: Found, failed: Found) => failed(new Error("no access"));
const lostFile = (place: string) => ({ ...entryAt(place), isDirectory: false, file: fail });
const lostFolder = (place: string) => ({
  ...entryAt(place),
  isDirectory: true,
  createReader: () => ({ readEntries: fail }),
});

const item = (file: File | null, entry?: unknown) => ({
  getAsFile: () => file,
  webkitGetAsEntry: () => entry ?? null,
});
const file = (name: string) => new File([name], name);

/** An event as browsers send it, with what it carries. */
const event = (type: string, carried: Readonly<Record<string, unknown>>) =>
  Object.assign(new Event(type, { cancelable: true }), carried);
const dragged = (type: string, items: ReadonlyArray<unknown>, types = ["Files"]) =>
  event(type, { dataTransfer: { types, items } });

/** The files that a drop of these items gives. The browser takes the items back after the event. */
async function drop(...items: Array<unknown>) {
  const target = new EventTarget();
  const { promise, resolve } = Promise.withResolvers<ReadonlyArray<File>>();
  dropTarget(target, resolve);
  target.dispatchEvent(dragged("drop", items));
  items.length = 0;
  return promise;
}
const placesOfDrop = async (...items: Array<unknown>) =>
  (await drop(...items)).map((file) => pathOf(file) ?? file.name);

describe("files that are dropped", () => {
  it("come with those in folders and their places, however deep, and however few a browser lists at once", async () => {
    const inner = folderEntry("f/g", [fileEntry("f/g/b")], [fileEntry("f/g/d")]);
    const folder = folderEntry("f", [fileEntry("f/b"), inner], [fileEntry("f/e")]);
    const places = await placesOfDrop(
      item(file("a"), fileEntry("a")),
      item(null, folder),
      item(file("f"), folderEntry("empty")),
      { getAsFile: () => file("old") },
      item(null),
    );
    expect(places).toEqual(["a", "f/b", "f/g/b", "f/g/d", "f/e", "old"]);
  });

  it("are found a hundred folders deep and ten thousand in one, and no folder is opened forever", async () => {
    const inFolders = (count: number) => {
      const deep = Array.from({ length: count }, () => "d").join("/");
      let folder: unknown = fileEntry(`${deep}/a`);
      for (let at = deep; at; at = at.slice(0, -2)) folder = folderEntry(at, [folder]);
      return { deep, folder };
    };
    const { deep, folder } = inFolders(99);
    expect(await placesOfDrop(item(null, folder))).toEqual([`${deep}/a`]);
    const [deepest] = await drop(item(null, inFolders(1000).folder));
    expect(pathOf(deepest ?? new Blob())).toBe(`${deep}/d`);
    expect(deepest?.size).toBe(0);
    const places = Array.from({ length: 10_000 }, (_, index) => `w/${index}`);
    const batches = Array.from({ length: 100 }, (_, index) =>
      places.slice(index * 100, (index + 1) * 100).map(fileEntry),
    );
    expect(await placesOfDrop(item(null, folderEntry("w", ...batches)))).toEqual(places);
  });

  it("come without what an operating system keeps in folders, unless that is dropped itself", async () => {
    const names = [".DS_Store", "Thumbs.db", "desktop.ini", "my-Thumbs.db", ".env"];
    const folder = folderEntry("f", [names.map((name) => fileEntry(`f/${name}`))].flat());
    const places = await placesOfDrop(item(null, folder), item(file("Thumbs.db")));
    expect(places).toEqual(["f/my-Thumbs.db", "f/.env", "Thumbs.db"]);
  });

  it("come with the others where one cannot be read, whose upload says so", async () => {
    const folder = folderEntry("f", [lostFile("f/a.png"), lostFolder("f/g"), fileEntry("f/z")]);
    const files = await drop(item(null, folder), item(null, lostFolder("h")));
    expect(files.map(pathOf)).toEqual(["f/a.png", "f/g", "f/z", "h"]);
    const client = createClient({ endpoint: "http://a.test", organization: "acme" });
    for (const [index, name] of [
      [0, "a.png"],
      [3, "h"],
    ] as const) {
      const error = await failure(client.upload(files[index] ?? new Blob()));
      const sentence = `${name} could not be read. Check that you may open it, then choose it again.`;
      expect([error.code, error.userMessage]).toEqual(["file-changed", sentence]);
    }
  });

  it("are told while they are over the target, and are not opened by the browser", () => {
    const target = new EventTarget();
    const over: Array<boolean> = [];
    const end = dropTarget(
      target,
      () => expect.unreachable("nothing was dropped"),
      (isOver) => {
        over.push(isOver);
      },
    );
    for (const type of ["dragover", "dragleave"]) {
      const sent = dragged(type, []);
      target.dispatchEvent(sent);
      expect(sent.defaultPrevented).toBe(true);
    }
    expect(over).toEqual([true, false]);
    end();
    target.dispatchEvent(dragged("dragover", []));
    expect(over).toEqual([true, false]);
  });

  it("are files alone: text that is dragged is left to the page", () => {
    const target = new EventTarget();
    const over: Array<boolean> = [];
    dropTarget(
      target,
      () => expect.unreachable("text was taken"),
      (isOver) => over.push(isOver),
    );
    const text = dragged("drop", [], ["text/plain"]);
    target.dispatchEvent(text);
    expect(text.defaultPrevented).toBe(false);
    expect(over).toEqual([]);
  });
});

/** What is done with what is pasted, before and after the target is let go. */
const paste = async (clipboardData: unknown) => {
  const target = new EventTarget();
  const places: Array<string> = [];
  const end = pasteTarget(target, (files) =>
    places.push(...files.map((file) => pathOf(file) ?? file.name)),
  );
  const sent = event("paste", { clipboardData });
  target.dispatchEvent(sent);
  end();
  target.dispatchEvent(event("paste", { clipboardData }));
  await new Promise(setImmediate);
  return { places, isTaken: sent.defaultPrevented };
};

describe("files that are pasted", () => {
  it("are taken once, with those in folders, and no more after the target is let go", async () => {
    const items = [item(file("shot.png")), item(null, folderEntry("f", [fileEntry("f/a")]))];
    const pasted = await paste({ files: [file("shot.png")], items, types: ["Files"] });
    expect(pasted).toEqual({ places: ["shot.png", "f/a"], isTaken: true });
  });

  it.each([
    { files: [], types: ["text/plain"] },
    // A table, with a picture of itself.
    { files: [file("table.png")], types: ["text/plain", "Files"] },
    null,
  ])("are files alone: %j is left to the page", async (clipboardData) => {
    expect(await paste(clipboardData)).toEqual({ places: [], isTaken: false });
  });
});
