import { describe, expect, it } from "vitest";
import { dropTarget, pasteTarget } from "../../adapters/client/targets.ts";

/** An entry of a file system as browsers give it for a dropped item. */
const fileEntry = (file: File) => ({
  isDirectory: false,
  file: (found: (file: File) => void) => found(file),
});
const folderEntry = (...batches: ReadonlyArray<ReadonlyArray<unknown>>) => ({
  isDirectory: true,
  createReader: () => {
    const left = [...batches];
    return { readEntries: (found: (entries: unknown) => void) => found(left.shift() ?? []) };
  },
});
const unreadable = {
  isDirectory: true,
  createReader: () => ({
    readEntries: (_: unknown, failed: (cause: Error) => void) => failed(new Error("no access")),
  }),
};

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

/** The names of the files that a drop of these items gives. */
async function namesOfDrop(...items: ReadonlyArray<unknown>) {
  const target = new EventTarget();
  const { promise, resolve } = Promise.withResolvers<ReadonlyArray<File>>();
  dropTarget(target, resolve);
  target.dispatchEvent(dragged("drop", items));
  return (await promise).map(({ name }) => name);
}

describe("files that are dropped", () => {
  it("come with those in folders, however deep, and however few a browser lists at once", async () => {
    const inner = folderEntry([fileEntry(file("c"))], [fileEntry(file("d"))]);
    const folder = folderEntry([fileEntry(file("b")), inner], [fileEntry(file("e"))]);
    const names = await namesOfDrop(item(file("a"), fileEntry(file("a"))), item(null, folder));
    expect(names).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("come as they are where a folder cannot be read or a browser has no folders", async () => {
    const old = { getAsFile: () => file("old") };
    expect(await namesOfDrop(item(file("x"), unreadable), old, item(null))).toEqual(["x", "old"]);
    expect(await namesOfDrop(item(file("y")))).toEqual(["y"]);
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
const paste = (clipboardData: unknown) => {
  const target = new EventTarget();
  const names: Array<string> = [];
  const end = pasteTarget(target, (files) => names.push(...files.map(({ name }) => name)));
  const sent = event("paste", { clipboardData });
  target.dispatchEvent(sent);
  end();
  target.dispatchEvent(event("paste", { clipboardData }));
  return { names, isTaken: sent.defaultPrevented };
};

describe("files that are pasted", () => {
  it("are taken once, and no more after the target is let go", () => {
    const pasted = paste({ files: [file("shot.png")], types: ["Files"] });
    expect(pasted).toEqual({ names: ["shot.png"], isTaken: true });
  });

  it.each([
    { files: [], types: ["text/plain"] },
    // A table, with a picture of itself.
    { files: [file("table.png")], types: ["text/plain", "Files"] },
    null,
  ])("are files alone: %j is left to the page", (clipboardData) => {
    expect(paste(clipboardData)).toEqual({ names: [], isTaken: false });
  });
});
