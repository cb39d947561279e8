import { openAsBlob } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, extname, join, relative, resolve, sep } from "node:path";
import { mediaTypeByExtension } from "../../../domain/media-type.ts";
import { isSystemFile, type UploadPolicy } from "../../client/client.ts";
import { errorCode } from "../../values/thrown.ts";

/** Why a file was not uploaded. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** A file to upload, or why it is none; `name` is how the user would name it. */
export interface Opened {
  readonly name: string;
  readonly file: File | Failure;
}

/**
 * Opens files, and all files in folders, which keep their places: `holidays/a.png` in a folder
 * `holidays`. Links in folders are not followed, so a folder ends and has only its own files.
 */
export async function openFiles(
  names: ReadonlyArray<string>,
  types: UploadPolicy["extensions"],
): Promise<ReadonlyArray<Opened>> {
  const opened: Array<Opened> = [];
  for (const name of names) {
    const isFolder = await stat(name).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isFolder) opened.push({ name, file: await open(name, types) });
    else for await (const each of openFolder(name, types)) opened.push(each);
  }
  return opened;
}

async function* openFolder(
  folder: string,
  types: UploadPolicy["extensions"],
): AsyncGenerator<Opened> {
  let isEmpty = true;
  for await (const { name, file } of walk(folder)) {
    isEmpty = false;
    if (file !== undefined) {
      yield { name, file };
      continue;
    }
    const opened = await open(name, types);
    if (opened instanceof File) {
      const place = join(basename(resolve(folder)), relative(folder, name))
        .split(sep)
        .join("/");
      // As the browser has it for a chosen folder, so that the client reads one member.
      Object.defineProperty(opened, "webkitRelativePath", { value: place });
      if (isSystemFile(opened)) continue;
    }
    yield { name, file: opened };
  }
  if (isEmpty) yield { name: folder, file: EMPTY };
}

/** Lists what is in a folder, with why it cannot be uploaded; `readdir` would follow links. */
async function* walk(folder: string): AsyncGenerator<{ name: string; file?: Failure }> {
  let entries;
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (cause) {
    return yield { name: folder, file: unreadable(cause) };
  }
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(name);
    else if (entry.isFile()) yield { name };
    else yield { name, file: entry.isSymbolicLink() ? LINK : SPECIAL };
  }
}

async function open(path: string, types: UploadPolicy["extensions"]): Promise<File | Failure> {
  try {
    const { mtimeMs } = await stat(path);
    const content = await openAsBlob(path);
    const extension = extname(path).toLowerCase();
    const type = types[extension] ?? mediaTypeByExtension(extension.slice(1));
    return new File([content], basename(path), { type, lastModified: Math.floor(mtimeMs) });
  } catch (cause) {
    return errorCode(cause) === "ENOENT" ? NOT_FOUND : unreadable(cause);
  }
}

const NOT_FOUND = { code: "not-found", message: "There is no such file. Check its path." };
const EMPTY = { code: "empty", message: "The folder has no files." };
const LINK = {
  code: "link",
  message: "It is a link, and links in a folder are not followed. Name it to upload its file.",
};
const SPECIAL = { code: "special", message: "It is neither a file nor a folder." };

const unreadable = (cause: unknown): Failure => ({
  code: "unreadable",
  message: `It cannot be read (${errorCode(cause) ?? String(cause)}).`,
});
