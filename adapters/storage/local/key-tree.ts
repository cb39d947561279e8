import { readdirSync } from "node:fs";
import { link, mkdir, open, rename, rmdir } from "node:fs/promises";
import { setImmediate as otherWork } from "node:timers/promises";
import { dirname, join, relative, sep } from "node:path";
import { errorCode } from "../../values/thrown.ts";
import { noneIfGone } from "./folder.ts";

// Each object is a file below one folder: the folders and names on its path, sorted and joined, are
// its key and a zero. Segments of keys are cut after the second character, which splits a folder of
// a million objects. Characters special to a disk, such as a dot or a capital letter, are written
// as hexadecimal digits.

/** Returns the path of a key's object. */
export const placeOf = (root: string, key: string): string => join(root, ...namesOf(`${key}\0`));

const namesOf = (text: string) =>
  text
    .split(/(?<=\/)/)
    .flatMap((segment) => [segment.slice(0, 2), segment.slice(2)])
    .filter((piece) => piece !== "")
    .map((piece) => piece.replaceAll(/[^a-z0-9_-]/gu, inHexadecimal));

const inHexadecimal = (character: string) =>
  Buffer.from(character).toString("hex").replaceAll(/../g, "%$&");
/** Other names belong to something else, such as files that a system puts into each folder. */
const NAME = /^(?:[a-z0-9_-]|%[0-7][0-9a-f])+$/;

/**
 * Yields objects in the order of their keys, and reads only folders that can have some.
 * Synchronous, with the work on each, which takes a fifth of the time; other work gets its turn
 * every few milliseconds.
 */
export async function* walk(
  root: string,
  { prefix, after }: { readonly prefix: string; readonly after?: string | undefined },
) {
  const text = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  const last = after === undefined ? "" : `${after}\0`;
  let since = performance.now();
  for (const object of walkFrom({ text, path: join(root, ...namesOf(text)) }, prefix, last)) {
    yield object;
    if (performance.now() - since < SLICE) continue;
    await otherWork();
    since = performance.now();
  }
}

/** Longest synchronous work, in milliseconds. */
const SLICE = 2;

type Place = Readonly<Record<"text" | "path", string>>;

function* walkFrom(
  folder: Place,
  prefix: string,
  last: string,
): Generator<Readonly<Record<"key" | "path", string>>> {
  const places = namesIn(folder.path)
    .filter((name) => NAME.test(name))
    .map((name) => ({ name, piece: decodeURIComponent(name) }))
    .sort((a, b) => (a.piece < b.piece ? -1 : 1));
  for (const { name, piece } of places) {
    const text = folder.text + piece;
    if (!text.startsWith(prefix) && !prefix.startsWith(text)) continue;
    const isObject = text.endsWith("\0");
    if (text <= last && (isObject || !last.startsWith(text))) continue;
    const path = `${folder.path}${sep}${name}`;
    if (isObject) yield { key: text.slice(0, -1), path };
    else yield* walkFrom({ text, path }, prefix, last);
  }
}

function namesIn(folder: string): ReadonlyArray<string> {
  try {
    return readdirSync(folder);
  } catch (cause) {
    return noneIfGone(cause) ?? [];
  }
}

/** Moves an object into its folders. Neither `link` nor `rename` follows a link at `to`. */
export async function moveIntoPlace(
  root: string,
  {
    from,
    to,
    writeOnce,
  }: Readonly<Record<"from" | "to", string>> & { readonly writeOnce: boolean },
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await (writeOnce ? link(from, to) : rename(from, to));
      break;
    } catch (cause) {
      const isMissing = errorCode(cause) === "ENOENT" && to.startsWith(join(root, sep));
      // Another process may remove the folders while they are empty.
      if (!isMissing || tries === MOST_TRIES) throw cause;
      await makeFolders(root, dirname(to));
    }
  }
  await syncFolder(dirname(to));
}

const MOST_TRIES = 10;

/** Makes folders, but not the root: if it is missing, its disk is. */
async function makeFolders(root: string, path: string): Promise<void> {
  let parent = root;
  for (const name of relative(root, path).split(sep)) {
    const folder = join(parent, name);
    try {
      await mkdir(folder, { mode: 0o700 });
      await syncFolder(parent);
    } catch (cause) {
      if (errorCode(cause) === "ENOENT") return;
      if (errorCode(cause) !== "EEXIST") throw cause;
    }
    parent = folder;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(noneIfGone);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

/** Removes a folder and those above it, as long as they are empty. */
export async function removeEmpty(root: string, folder: string): Promise<void> {
  for (let path = folder; path !== root; path = dirname(path)) {
    const failure = await rmdir(path).catch((cause: unknown) => cause);
    if (failure !== undefined) return;
  }
}
