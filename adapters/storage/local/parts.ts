import * as Duration from "effect/Duration";
import * as Option from "effect/Option";
import { createHash, randomUUID } from "node:crypto";
import {
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  unlink,
  utimes,
  writeFile as writeText,
} from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Completion, OpenUpload, Parts } from "../../../application/ports/object-store.ts";
import { MULTIPART_LIFETIME, type StoredPart } from "../../../domain/multipart.ts";
import { errorCode } from "../../values/thrown.ts";
import { type Folder, noneIfGone, removeOlder } from "./folder.ts";
import {
  objectPath,
  openStored,
  startChecksum,
  writeFile,
  writeObject,
  type WriteRequest,
} from "./objects.ts";
import { Refused } from "./refusal.ts";

// An upload is a folder with an object file for each part, and a file that describes the upload.
// Ending an upload first renames its folder, so that no further part arrives. The name of a part's
// file has everything for a list: number, time in milliseconds, size and MD5.

const ABOUT = "upload.json";
const PART = /^(\d+)-\d{13}-(\d+)-([0-9a-f]{32})$/;
const NAME = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:-[0-9a-f]{8})?$/;
const TIMEOUTS = { piece: 60_000, whole: 60 * 60_000 };

type UploadName = Readonly<Record<"key" | "uploadId", string>>;
type About = Readonly<Record<"key" | "contentType", string>>;

export async function startUpload(folder: Folder, about: About): Promise<string> {
  const uploadId = [randomUUID(), ...ownerHash(about.key)].join("-");
  const path = join(folder.uploads, uploadId);
  await mkdir(path, { mode: 0o700 });
  const options = { flag: "wx", mode: 0o600, flush: true };
  await writeText(join(path, ABOUT), JSON.stringify(about), options);
  return uploadId;
}

const OWNER = /^.*?\/(?:orgs|incoming\/(?:credentials|completing))\/[^/]+\//;

/** Returns the suffix of an upload's name, by which a list opens only those of one organization. */
function ownerHash(keyOrPrefix: string): ReadonlyArray<string> {
  const [owner] = OWNER.exec(keyOrPrefix) ?? [];
  return owner === undefined ? [] : [createHash("sha256").update(owner).digest("hex").slice(0, 8)];
}

async function openUpload(folder: Folder, { key, uploadId }: UploadName): Promise<About> {
  const about = join(folder.uploads, uploadId, ABOUT);
  const text = NAME.test(uploadId) && (await readFile(about, "utf8").catch(noneIfGone));
  const upload: About | undefined = text ? JSON.parse(text) : undefined;
  if (upload?.key !== key) throw new Refused("NoSuchUpload");
  return upload;
}

export async function writePart(
  folder: Folder,
  upload: UploadName & { readonly number: number; readonly size: number } & WriteRequest,
): Promise<string> {
  await openUpload(folder, upload);
  try {
    const { number, size } = upload;
    const parts = join(folder.uploads, upload.uploadId);
    const path = (etag: string) =>
      join(parts, `${number}-${Date.now()}-${size}-${etag.slice(1, -1)}`);
    const etag = await writeObject(folder, { ...upload, contentType: "", writeOnce: false, path });
    // Concurrent writers each keep the newest part that they see, so that one is left.
    const names = (await readdir(parts)).filter((name) => name.startsWith(`${number}-`)).sort();
    for (const name of names.slice(0, -1)) await unlink(join(parts, name)).catch(noneIfGone);
    return etag;
  } catch (cause) {
    // The upload may have ended while the part arrived.
    if (errorCode(cause) === "ENOENT") await openUpload(folder, upload);
    throw cause;
  }
}

export async function listParts(
  folder: Folder,
  upload: UploadName,
): Promise<Option.Option<ReadonlyArray<StoredPart>>> {
  try {
    await openUpload(folder, upload);
    const parts = [...(await partFiles(folder, upload)).values()].map(({ part }) => part);
    return Option.some(parts.sort((a, b) => a.partNumber - b.partNumber));
  } catch (cause) {
    if (!isEnded(cause)) throw cause;
    return Option.none();
  }
}

const isEnded = (cause: unknown) => cause instanceof Refused && cause.code === "NoSuchUpload";

/** Returns the newest file of each part. */
async function partFiles(folder: Folder, { uploadId }: UploadName) {
  const names = await readdir(join(folder.uploads, uploadId)).catch(noneIfGone);
  if (names === undefined) throw new Refused("NoSuchUpload");
  const newest = new Map<number, { readonly name: string; readonly part: StoredPart }>();
  for (const name of names) {
    const [, number, size, md5] = PART.exec(name) ?? [];
    const partNumber = Number(number);
    if (md5 === undefined || name < (newest.get(partNumber)?.name ?? "")) continue;
    newest.set(partNumber, { name, part: { partNumber, size: Number(size), etag: `"${md5}"` } });
  }
  return newest;
}

type Completing = UploadName & Omit<Parameters<Parts["complete"]>[0], "key">;

const COMPLETIONS = new Map<unknown, Completion>([
  ["NoSuchUpload", "ended"],
  ["InvalidPart", "changed"],
  ["BadDigest", "mismatch"],
  ["PreconditionFailed", "exists"],
]);

/** Joins the parts in one request, while all others wait. A crash leaves the upload as it was. */
export async function completeUpload(folder: Folder, upload: Completing): Promise<Completion> {
  try {
    await openUpload(folder, upload);
    await withClaim(join(folder.temporary, upload.uploadId), () => joinParts(folder, upload));
    return "completed";
  } catch (cause) {
    const completion = COMPLETIONS.get(errorCode(cause));
    if (completion === undefined) throw cause;
    return completion;
  }
}

async function joinParts(folder: Folder, upload: Completing): Promise<void> {
  const { key, contentType } = await openUpload(folder, upload);
  const { parts, checksum } = upload;
  const path = objectPath(folder, key);
  if (await lstat(path).catch(() => undefined)) throw new Refused("PreconditionFailed");
  const md5 = createHash("md5");
  const sum = checksum && (await startChecksum(checksum.algorithm));
  await writeFile(folder, { path: () => path, writeOnce: true }, async (file) => {
    const files = await partFiles(folder, upload);
    for (const { partNumber, size, etag } of parts) {
      const { name = "", part: stored } = files.get(partNumber) ?? {};
      const isSame = stored?.etag === etag && stored.size === size;
      const part = isSame && (await openStored(join(folder.uploads, upload.uploadId, name)));
      if (!part) throw new Refused("InvalidPart");
      md5.update(Buffer.from(etag.replaceAll('"', ""), "hex"));
      const bytes = part.bytes({ start: 0, end: size - 1, timeouts: TIMEOUTS });
      for await (const chunk of bytes) {
        sum?.update(chunk);
        await file.writeFile(chunk);
      }
    }
    // oxlint-disable-next-line valetkey/constant-time -- who sends the bytes knows their checksum
    if (sum?.digest().toString("base64") !== checksum?.value) throw new Refused("BadDigest");
    // In S3's format for an object in parts.
    const etag = `"${md5.digest("hex")}-${parts.length}"`;
    const checksums = checksum ? { [checksum.algorithm]: checksum.value } : {};
    return { contentType, etag, checksums };
  });
  await endUpload(folder, upload);
}

/**
 * Runs `work` while no other process does. A claim that is not touched was left by a process that has
 * ended; several that find it may run at once, so at worst `work` is wasted.
 */
async function withClaim<A>(path: string, work: () => Promise<A>): Promise<A> {
  while (!(await tryClaim(path))) await pause(50);
  const touch = () => void utimes(path, new Date(), new Date()).catch(() => undefined);
  const touching = setInterval(touch, 1000);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    await unlink(path).catch(() => undefined);
  }
}

/** Milliseconds after the last touch. */
const CLAIM_TIMEOUT = 10_000;

async function tryClaim(path: string): Promise<boolean> {
  try {
    await writeText(path, "", { flag: "wx", mode: 0o600 });
    return true;
  } catch (cause) {
    if (errorCode(cause) !== "EEXIST") throw cause;
  }
  const { mtimeMs = Date.now() } = (await lstat(path).catch(() => undefined)) ?? {};
  // A clock that was set back makes claims of the future.
  if (Math.abs(Date.now() - mtimeMs) > CLAIM_TIMEOUT) await unlink(path).catch(() => undefined);
  return false;
}

export async function endUpload(folder: Folder, upload: UploadName): Promise<void> {
  const ended = join(folder.uploads, `${randomUUID()}.ended`);
  try {
    await openUpload(folder, upload);
    await rename(join(folder.uploads, upload.uploadId), ended);
  } catch (cause) {
    // Two may end it at once.
    if (!isEnded(cause)) noneIfGone(cause);
  }
  await rm(ended, { recursive: true, force: true });
}

export async function listUploads(
  folder: Folder,
  { bucket, prefix }: Readonly<Record<"bucket" | "prefix", string>>,
): Promise<ReadonlyArray<OpenUpload>> {
  const uploads: Array<OpenUpload> = [];
  const [owner = ""] = ownerHash(`/${bucket}/${prefix}`);
  for (const uploadId of (await readdir(folder.uploads).catch(noneIfGone)) ?? []) {
    if (!NAME.test(uploadId) || !uploadId.endsWith(owner)) continue;
    const path = join(folder.uploads, uploadId);
    const text = await readFile(join(path, ABOUT), "utf8").catch(noneIfGone);
    const key = text && (JSON.parse(text) as About).key.slice(bucket.length + 2);
    const changed = await lstat(path).catch(noneIfGone);
    if (changed === undefined || !key?.startsWith(prefix)) continue;
    uploads.push({ key, uploadId, age: Date.now() - changed.mtimeMs });
  }
  return uploads;
}

export async function removeAbandoned({ uploads }: Folder): Promise<void> {
  await removeOlder(uploads, 0, (name) => name.endsWith(".ended"));
  await removeOlder(uploads, Duration.toMillis(MULTIPART_LIFETIME) + 60 * 60_000);
}
