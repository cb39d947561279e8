import { constants } from "node:fs";
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  opendir,
  readdir,
  rm,
  unlink,
  writeFile,
} from "node:fs/promises";
import { join, resolve } from "node:path";
import { randomBytes, randomUUID } from "node:crypto";
import { errorCode } from "../../values/thrown.ts";
import { LONGEST_PAUSE } from "./body.ts";

export interface Folder extends Readonly<Record<"objects" | "temporary" | "uploads", string>> {
  readonly secretKey: string;
}

/** Opens the folder; fails if a part of it is a symbolic link, which could lead out of it. */
export async function openFolder(directory: string): Promise<Folder> {
  const root = resolve(directory);
  const objects = join(root, "objects");
  const temporary = join(root, "temporary");
  const uploads = join(root, "uploads");
  await makePath(root);
  await makeFolder(objects);
  await makeFolder(temporary);
  await makeFolder(uploads);
  // A read-only disk can still be read.
  await removeLeftovers(temporary).catch(() => undefined);
  return {
    objects,
    temporary,
    uploads,
    secretKey: await openSecret(join(root, "secret"), temporary),
  };
}

async function makeFolder(path: string): Promise<void> {
  await makePath(path);
  if (!(await lstat(path)).isDirectory()) throw new Error(`${path} is a link, not a folder`);
}

async function makePath(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT") throw cause;
    // With `recursive`, Node reports a read-only disk as a missing folder.
    await mkdir(path, { mode: 0o700 });
  }
}

/** Removes old files of uploads: one in progress writes at least every 30 seconds. */
export const removeLeftovers = (temporary: string): Promise<void> =>
  removeOlder(temporary, 10 * LONGEST_PAUSE);

/** Removes entries unchanged for so many milliseconds, in a folder that may be missing. */
export async function removeOlder(
  folder: string,
  age: number,
  isMeant = (_name: string): boolean => true,
): Promise<void> {
  const oldest = Date.now() - age;
  for (const name of (await readdir(folder).catch(noneIfGone)) ?? []) {
    if (!isMeant(name)) continue;
    const path = join(folder, name);
    const stats = await lstat(path).catch(noneIfGone);
    if (stats && stats.mtimeMs < oldest) await rm(path, { recursive: true, force: true });
  }
}

export function noneIfGone(cause: unknown): undefined {
  if (errorCode(cause) !== "ENOENT") throw cause;
}

export async function checkFolder({ objects, temporary }: Folder): Promise<void> {
  await (await opendir(objects)).close();
  const probe = join(temporary, randomUUID());
  try {
    await writeFile(probe, PROBE, { flag: "wx", mode: 0o600 });
  } finally {
    await unlink(probe).catch(() => undefined);
  }
}

const PROBE = Buffer.alloc(64 * 1024);

async function openSecret(path: string, temporary: string): Promise<string> {
  const file = (await openRegular(path)) ?? (await makeSecret(path, temporary));
  if (file === undefined) throw new Error(`${path} is gone`);
  try {
    const secret = await file.readFile("utf8");
    if (secret.length < 44) throw new Error(`${path} is damaged; remove it to have a new one made`);
    return secret;
  } finally {
    await file.close();
  }
}

/** Makes a secret. A crash or a full disk leaves none, and concurrent processes keep one. */
async function makeSecret(path: string, temporary: string): Promise<FileHandle | undefined> {
  const temporaryFile = join(temporary, randomUUID());
  try {
    const secret = randomBytes(32).toString("base64");
    await writeFile(temporaryFile, secret, { flag: "wx", mode: 0o600, flush: true });
    await link(temporaryFile, path);
  } catch (cause) {
    if (errorCode(cause) !== "EEXIST") throw cause;
  } finally {
    await unlink(temporaryFile).catch(() => undefined);
  }
  return openRegular(path);
}

export const READ_REGULAR = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Opens neither a link, which could lead out of the folder, nor a pipe, which would block. */
export async function openRegular(path: string): Promise<FileHandle | undefined> {
  try {
    // Deno ignores O_NOFOLLOW if its permissions are restricted. Once open, the file's name may
    // already be another file's.
    if (!(await lstat(path)).isFile()) throw new Error(`${path} is not a file of the store`);
    return await open(path, READ_REGULAR);
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw cause;
  }
}
