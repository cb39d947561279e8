import * as Duration from "effect/Duration";
import { createHash, randomUUID } from "node:crypto";
import { closeSync, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { type FileHandle, link, lstat, open, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import type {
  PageQuery,
  CopyOutcome,
  ListedObject,
  Page,
} from "../../../application/ports/object-store.ts";
import type { ChecksumAlgorithm } from "../../../domain/checksum.ts";
import { INCOMING_PREFIX } from "../../../domain/storage-key.ts";
import { MOST_DAYS_OF_WAITING } from "../../../domain/waiting.ts";
import { errorCode } from "../../values/thrown.ts";
import type { Timeouts } from "./body.ts";
import { type Folder, noneIfGone, openRegular, READ_REGULAR } from "./folder.ts";
import { moveIntoPlace, placeOf, removeEmpty, walk } from "./key-tree.ts";
import { Refused } from "./refusal.ts";

// An object is one file: its bytes, its properties as JSON, and the length of that JSON in four
// bytes. A file is linked or renamed in one step, so bytes and properties always appear together.

const LENGTH_BYTES = 4;
const CHUNK_BYTES = 256 * 1024;
const DAMAGED = "a stored object is damaged; bring it back from a copy, or upload it again";

/** In base64. */
export type Checksums = { readonly [Algorithm in ChecksumAlgorithm]?: string };

interface Properties {
  readonly contentType: string;
  /** In double quotes, as in the header. */
  readonly etag: string;
  readonly checksums: Checksums;
  /** The grant that came with the upload. */
  readonly announcement?: string | undefined;
}

/** An open object; its user must read `bytes` or call `close`. */
export interface StoredObject extends Properties {
  readonly size: number;
  readonly modified: Date;
  /** Reads a range with both ends. The stream fails with `Refused` if it is not read in time. */
  readonly bytes: (range: {
    readonly start: number;
    readonly end: number;
    readonly timeouts: Timeouts;
  }) => ReadableStream<Uint8Array>;
  readonly close: () => Promise<void>;
}

export const objectPath = (folder: Folder, key: string): string => placeOf(folder.objects, key);

export async function openObject(folder: Folder, key: string): Promise<StoredObject | undefined> {
  const object = await openStored(objectPath(folder, key));
  // Without the folder it is unknown if the object exists.
  if (object === undefined) await lstat(folder.objects);
  return object;
}

export async function openStored(path: string): Promise<StoredObject | undefined> {
  const file = await openRegular(path);
  if (file === undefined) return undefined;
  try {
    return {
      ...describe(file.fd),
      bytes: (range) => streamFrom(file, range),
      close: () => file.close(),
    };
  } catch (cause) {
    await file.close();
    throw cause;
  }
}

/** Most objects have their properties within so many bytes at their end. */
const END = Buffer.alloc(1024);

/** Reads the end of a file synchronously: so few bytes take less time than another thread. */
function describe(file: number): Properties & Pick<StoredObject, "size" | "modified"> {
  const { size: total, mtime: modified } = fstatSync(file);
  const end = END.subarray(0, readSync(file, END, { position: Math.max(0, total - END.length) }));
  const length = end.length < LENGTH_BYTES ? total : end.readUInt32BE(end.length - LENGTH_BYTES);
  const size = total - LENGTH_BYTES - length;
  // Checked before allocation, since a damaged length would need gigabytes.
  if (size < 0) throw new Error(DAMAGED);
  const start = end.length - LENGTH_BYTES - length;
  let json = end.subarray(Math.max(0, start), -LENGTH_BYTES);
  if (start < 0) readSync(file, (json = Buffer.alloc(length)), { position: size });
  return { ...propertiesIn(json), size, modified };
}

function propertiesIn(json: Buffer): Properties {
  try {
    const properties = JSON.parse(json.toString()) as Properties;
    const { contentType, etag } = properties;
    if (typeof contentType === "string" && typeof etag === "string") return properties;
  } catch {
    // It is not JSON.
  }
  throw new Error(DAMAGED);
}

async function readExactly(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  if (bytesRead !== length) throw new Error(DAMAGED);
  return buffer;
}

function streamFrom(
  file: FileHandle,
  { start, end, timeouts }: Parameters<StoredObject["bytes"]>[0],
): ReadableStream<Uint8Array> {
  const deadline = performance.now() + timeouts.whole;
  let position = start;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      clearTimeout(timer);
      const length = Math.min(CHUNK_BYTES, end + 1 - position);
      try {
        controller.enqueue(await readExactly(file, position, length));
      } catch (cause) {
        await file.close();
        throw cause;
      }
      position += length;
      if (position > end) {
        controller.close();
        await file.close();
        return;
      }
      const stop = () => {
        controller.error(new Refused("RequestTimeout"));
        void file.close();
      };
      timer = setTimeout(stop, Math.min(timeouts.piece, deadline - performance.now()));
    },
    cancel: () => {
      clearTimeout(timer);
      return file.close();
    },
  });
}

export async function startChecksum(algorithm: ChecksumAlgorithm) {
  if (algorithm !== "crc32c") {
    const hash = createHash(algorithm);
    return { update: (chunk: Uint8Array) => void hash.update(chunk), digest: () => hash.digest() };
  }
  // Hundreds of kilobytes, loaded only when needed.
  const { createCRC32 } = await import("hash-wasm");
  // The Castagnoli polynomial, bit-reversed (RFC 3385, section 3).
  const crc = (await createCRC32(0x82f63b78)).init();
  return {
    update: (chunk: Uint8Array) => void crc.update(chunk),
    digest: () => Buffer.from(crc.digest("binary")),
  };
}

export interface WriteRequest {
  readonly size: number;
  readonly checksums?: Checksums;
  /** Throws `Refused` if some do not arrive. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

interface Target {
  readonly path: (etag: string) => string;
  readonly writeOnce: boolean;
}

/** Stores an object; throws `Refused` if the bytes do not match `size` or `checksums`. */
export const writeObject = (
  folder: Folder,
  upload: WriteRequest & Target & Pick<Properties, "contentType" | "announcement">,
): Promise<string> =>
  writeFile(folder, upload, async (file) => {
    const { contentType, announcement, checksums = {} } = upload;
    const algorithms = ["md5", ...Object.keys(checksums)] as ReadonlyArray<ChecksumAlgorithm>;
    const sums = await Promise.all(algorithms.map(startChecksum));
    let size = 0;
    for await (const chunk of upload.bytes) {
      size += chunk.length;
      if (size > upload.size) break;
      for (const sum of sums) sum.update(chunk);
      await file.writeFile(chunk);
    }
    if (size !== upload.size) throw new Refused("IncompleteBody");
    const [md5, ...others] = sums.map((sum) => sum.digest());
    for (const [index, value] of Object.values(checksums).entries()) {
      // Not in constant time: the sender of the bytes knows their checksum.
      if (others[index]?.toString("base64") !== value) throw new Refused("BadDigest");
    }
    return { contentType, etag: `"${md5?.toString("hex")}"`, checksums, announcement };
  });

/** Stores a file whole or, after a crash, not at all; of write-once files exactly one. */
export async function writeFile(
  folder: Folder,
  { path: pathFor, writeOnce }: Target,
  write: (file: FileHandle) => Promise<Properties>,
): Promise<string> {
  const temporary = join(folder.temporary, randomUUID());
  const file = await open(temporary, "wx", 0o600);
  try {
    const properties = await write(file);
    const json = Buffer.from(JSON.stringify(properties));
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(json.length);
    await file.writeFile(Buffer.concat([json, length]));
    await file.sync();
    await moveIntoPlace(folder.objects, {
      from: temporary,
      to: pathFor(properties.etag),
      writeOnce,
    });
    return properties.etag;
  } catch (cause) {
    throw writeOnce && errorCode(cause) === "EEXIST" ? new Refused("PreconditionFailed") : cause;
  } finally {
    await file.close();
    await unlink(temporary).catch(() => undefined);
  }
}

/**
 * Links an object, which never changes, as its copy; a free name, so no upload replaces it. The
 * names of the copy are an object beside it, written first: after a crash, a copy has its names.
 */
export async function linkObject(
  folder: Folder,
  {
    from,
    to,
    etag,
    names,
    mayPublish,
  }: Record<"from" | "to" | "etag", string> & {
    readonly names?: string | undefined;
    readonly mayPublish?: (() => Promise<boolean>) | undefined;
  },
): Promise<CopyOutcome> {
  if (names !== undefined) await writeEmpty(folder, namesKey(to), names);
  const temporaryFile = join(folder.temporary, randomUUID());
  try {
    await link(objectPath(folder, from), temporaryFile);
    const object = await openStored(temporaryFile);
    await object?.close();
    if (object?.etag !== etag || (await mayPublish?.()) === false) return "changed";
    await moveIntoPlace(folder.objects, {
      from: temporaryFile,
      to: objectPath(folder, to),
      writeOnce: true,
    });
    return "copied";
  } catch (cause) {
    if (errorCode(cause) === "EEXIST") return "exists";
    if (errorCode(cause) === "ENOENT") return "changed";
    throw cause;
  } finally {
    await unlink(temporaryFile).catch(() => undefined);
  }
}

/** The key of the object with the names of a copy: no bucket has an empty name. */
const namesKey = (key: string) => `/${key}`;

/** Returns the names of a copy, from the grant that their object carries. */
export async function namesOf(folder: Folder, key: string): Promise<string | undefined> {
  const names = await openStored(objectPath(folder, namesKey(key)));
  await names?.close();
  return names?.announcement;
}

export const writeEmpty = async (
  folder: Folder,
  key: string,
  announcement?: string,
): Promise<void> =>
  void (await writeObject(folder, {
    path: () => objectPath(folder, key),
    contentType: "application/octet-stream",
    writeOnce: false,
    announcement,
    size: 0,
    bytes: Readable.from([]),
  }));

export async function removeObject(folder: Folder, key: string): Promise<void> {
  await removeAt(folder, objectPath(folder, key));
  await removeAt(folder, objectPath(folder, namesKey(key)));
}

async function removeAt({ objects }: Folder, path: string): Promise<void> {
  await unlink(path).catch(noneIfGone);
  await removeEmpty(objects, dirname(path));
}

/** Lists objects, and opens only the listed ones. */
export async function listObjects(
  folder: Folder,
  { bucket, prefix, after, limit }: { readonly bucket: string } & PageQuery,
): Promise<Page<ListedObject, string>> {
  const objects: Array<ListedObject> = [];
  const root = `/${bucket}/`;
  const below = { prefix: root + prefix, after: after && root + after };
  for await (const { key, path } of walk(folder.objects, below)) {
    const last = objects.at(-1);
    if (last && objects.length === limit) return { found: objects, next: last.key };
    const facts = factsAt(path);
    if (facts !== undefined) objects.push({ key: key.slice(root.length), ...facts });
  }
  return { found: objects };
}

/** Reads facts synchronously; undefined for a file that is no object, or damaged. */
function factsAt(path: string): Omit<ListedObject, "key"> | undefined {
  let file: number | undefined;
  try {
    if (!lstatSync(path).isFile()) return undefined;
    file = openSync(path, READ_REGULAR);
    const { size, etag, modified } = describe(file);
    const storedAt = modified.getTime();
    return { size, etag, age: Date.now() - storedAt, storedAt };
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Removes uploads that can no longer be confirmed. */
export async function removeUnconfirmed(folder: Folder, bucket: string): Promise<void> {
  const oldest = Date.now() - Duration.toMillis(Duration.days(MOST_DAYS_OF_WAITING));
  for await (const { path } of walk(folder.objects, { prefix: `/${bucket}/${INCOMING_PREFIX}` })) {
    const stats = await lstat(path).catch(noneIfGone);
    if (stats && stats.mtimeMs < oldest) await removeAt(folder, path);
  }
}
