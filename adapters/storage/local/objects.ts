import * as Result from "effect/Result";
import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, link, lstat, open, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BodyBroken, type Timeouts } from "./body.ts";
import type { ChecksumAlgorithm } from "../../../domain/checksum.ts";
import { type Checksums, type Sum, sumOf } from "./checksums.ts";
import { type Folder, openRegular } from "./folder.ts";
import type { RefusalCode } from "./refusal.ts";
import { codeOf } from "../../thrown.ts";

// An object is one file: its bytes, then its properties as JSON, then the length of that JSON in
// four bytes. One file is linked or renamed in one step, so bytes and properties always appear
// together. The file's name is the hash of the key, so no key becomes a path.

/** The properties of an object that are stored with its bytes. */
export interface Properties {
  readonly mediaType: string;
  /** In double quotes, as in the header. */
  readonly etag: string;
  /** The checksums that came with the upload; objects of older versions have none. */
  readonly checksums?: Checksums;
}

/** An object that is open for reading; its user must read `bytes` or call `close`. */
export interface StoredObject extends Properties {
  /** In bytes. */
  readonly size: number;
  readonly modified: Date;
  /**
   * The bytes from `start` to `end`, both included and counted from 0. The stream fails with
   * `BodyBroken` if they are not read in time.
   */
  readonly bytes: (range: {
    readonly start: number;
    readonly end: number;
    readonly timeouts: Timeouts;
  }) => ReadableStream<Uint8Array>;
  readonly close: () => Promise<void>;
}

/** Opens the object of a key; undefined if there is none. */
export async function openObject(folder: Folder, key: string): Promise<StoredObject | undefined> {
  const object = await openStored(objectPath(folder, key));
  // Without the folder it is unknown whether the object exists.
  if (object === undefined) await lstat(folder.objects);
  return object;
}

/** Opens a file with an object, or with a part of one; undefined if there is no file. */
export async function openStored(path: string): Promise<StoredObject | undefined> {
  const file = await openRegular(path);
  if (file === undefined) return undefined;
  try {
    const { size: total, mtime } = await file.stat();
    const length = (await readExactly(file, total - LENGTH_BYTES, LENGTH_BYTES)).readUInt32BE(0);
    const size = total - LENGTH_BYTES - length;
    return {
      ...propertiesIn(await readExactly(file, size, length)),
      size,
      modified: mtime,
      bytes: (range) => streamOf(file, range),
      close: () => file.close(),
    };
  } catch (cause) {
    await file.close();
    throw cause;
  }
}

/** Bytes that arrive to be stored. */
export interface Writing {
  /** How many they must be; not compared if undefined. */
  readonly size?: number;
  readonly checksums?: Checksums;
  /** Throws `BodyBroken` if they do not all arrive. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/**
 * Stores bytes in a file, and returns their ETag. Bytes that do not match `checksums`
 * are refused.
 */
export function writeObject(
  folder: Folder,
  upload: Writing & {
    readonly path: (etag: string) => string;
    readonly mediaType: string;
    readonly writeOnce: boolean;
  },
): Promise<Result.Result<string, RefusalCode>> {
  const { mediaType, checksums = {} } = upload;
  return writeFile<RefusalCode>(folder, upload, async (file) => {
    const sums = new Map<string, Sum>();
    for (const algorithm of ["md5", ...Object.keys(checksums)] as Array<ChecksumAlgorithm>) {
      sums.set(algorithm, await sumOf(algorithm));
    }
    let size = 0;
    const { size: granted = Infinity } = upload;
    try {
      for await (const chunk of upload.bytes) {
        size += chunk.length;
        if (size > granted) break;
        for (const sum of sums.values()) sum.update(chunk);
        await file.writeFile(chunk);
      }
    } catch (cause) {
      if (cause instanceof BodyBroken) return Result.fail(cause.code);
      throw cause;
    }
    if (size !== (upload.size ?? size)) return Result.fail("IncompleteBody");
    const digests = new Map([...sums].map(([algorithm, sum]) => [algorithm, sum.digest()]));
    for (const [algorithm, value] of Object.entries(checksums)) {
      // oxlint-disable-next-line valetkey/constant-time -- who sends the bytes knows their checksum
      if (digests.get(algorithm)?.toString("base64") !== value) return Result.fail("BadDigest");
    }
    const etag = `"${digests.get("md5")?.toString("hex")}"`;
    return Result.succeed({ mediaType, etag, checksums });
  });
}

/** Stores what `write` writes under a key that has no object yet, and returns its ETag. */
export async function writeNew<E>(
  folder: Folder,
  key: string,
  write: (file: FileHandle) => Promise<Result.Result<Properties, E>>,
): Promise<Result.Result<string, E | "PreconditionFailed">> {
  const path = objectPath(folder, key);
  if (await lstat(path).catch(() => undefined)) return Result.fail("PreconditionFailed");
  return writeFile(folder, { path: () => path, writeOnce: true }, write);
}

/**
 * Stores bytes and the properties that `write` gives of them. They go to a temporary file that is
 * synced and then moved into place. So a crash leaves a whole file or none, and of several
 * write-once files exactly one is stored.
 */
async function writeFile<E>(
  folder: Folder,
  target: { readonly path: (etag: string) => string; readonly writeOnce: boolean },
  write: (file: FileHandle) => Promise<Result.Result<Properties, E>>,
): Promise<Result.Result<string, E | "PreconditionFailed">> {
  const temporary = join(folder.temporary, randomUUID());
  const file = await open(temporary, "wx", 0o600);
  try {
    const written = await write(file);
    if (Result.isFailure(written)) return Result.fail(written.failure);
    await file.writeFile(trailerOf(written.success));
    await file.sync();
    const path = target.path(written.success.etag);
    if (!(await moveIntoPlace(temporary, path, target.writeOnce))) {
      return Result.fail("PreconditionFailed");
    }
    await syncFolder(dirname(path));
    return Result.succeed(written.success.etag);
  } finally {
    await file.close();
    await unlink(temporary).catch(() => undefined);
  }
}

const LENGTH_BYTES = 4;
const CHUNK_BYTES = 256 * 1024;

function trailerOf(properties: Properties): Buffer {
  const json = Buffer.from(JSON.stringify(properties));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(json.length);
  return Buffer.concat([json, length]);
}

/** Where the object of a key is. */
export const objectPath = (folder: Folder, key: string) =>
  join(folder.objects, createHash("sha256").update(key).digest("hex"));

/** Neither `link` nor `rename` follows a symbolic link at the target. */
async function moveIntoPlace(from: string, to: string, writeOnce: boolean): Promise<boolean> {
  try {
    await (writeOnce ? link(from, to) : rename(from, to));
    return true;
  } catch (cause) {
    if (writeOnce && codeOf(cause) === "EEXIST") return false;
    throw cause;
  }
}

/** Lets the new name survive a power cut, if the system can sync a folder. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  await folder.sync().catch(() => undefined);
  await folder.close();
}

function streamOf(
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
        controller.error(new BodyBroken("RequestTimeout"));
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

function propertiesIn(json: Buffer): Properties {
  try {
    const properties = JSON.parse(json.toString()) as Properties;
    const { mediaType, etag } = properties;
    if (typeof mediaType === "string" && typeof etag === "string") return properties;
  } catch {
    // It is not JSON.
  }
  throw new Error(DAMAGED);
}

const DAMAGED = "a stored object is damaged; bring it back from a copy, or upload it again";

async function readExactly(file: FileHandle, position: number, length: number): Promise<Buffer> {
  // Checked before the buffer is made, since a damaged length would ask for gigabytes.
  if (position < 0) throw new Error(DAMAGED);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  if (bytesRead !== length) throw new Error(DAMAGED);
  return buffer;
}
