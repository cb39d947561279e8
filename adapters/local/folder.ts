import { lstat, mkdir, open, readdir, unlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { randomBytes } from "node:crypto";
import { openRegular } from "./open-regular.ts";

/** The folders and the secret that the store keeps its objects with. */
export interface Folder {
  readonly objects: string;
  readonly temporary: string;
  readonly secretKey: string;
}

const DAY = 24 * 60 * 60 * 1000;

/**
 * Opens the store's folder, making what is missing. Fails where a link stands in the place of
 * one of its parts, since a link could lead the store out of it.
 */
export async function openFolder(directory: string): Promise<Folder> {
  const root = resolve(directory);
  const objects = join(root, "objects");
  const temporary = join(root, "temporary");
  await mkdir(root, { recursive: true, mode: 0o700 });
  for (const path of [objects, temporary]) {
    await mkdir(path, { recursive: true, mode: 0o700 });
    if (!(await lstat(path)).isDirectory()) throw new Error(`${path} is a link, not a folder`);
  }
  await removeLeftovers(temporary);
  return { objects, temporary, secretKey: await openSecret(join(root, "secret")) };
}

/** What a crash left half-written; younger files may be another process's uploads. */
async function removeLeftovers(temporary: string): Promise<void> {
  for (const name of await readdir(temporary)) {
    const path = join(temporary, name);
    if ((await lstat(path)).mtimeMs < Date.now() - DAY) await unlink(path);
  }
}

async function openSecret(path: string): Promise<string> {
  try {
    const file = await open(path, "wx", 0o600);
    try {
      const secret = randomBytes(32).toString("base64");
      await file.writeFile(secret);
      await file.sync();
      return secret;
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause;
  }
  const file = await openRegular(path);
  if (file === undefined) throw new Error(`${path} is gone`);
  try {
    const secret = await file.readFile("utf8");
    if (secret.length < 44) throw new Error(`${path} is damaged; remove it to have a new one made`);
    return secret;
  } finally {
    await file.close();
  }
}
