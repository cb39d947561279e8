import * as Duration from "effect/Duration";
import * as Option from "effect/Option";
import * as Result from "effect/Result";
import { createHash, randomUUID } from "node:crypto";
import { lstat, mkdir, readdir, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Completion } from "../../../application/ports/object-store.ts";
import type { Checksum } from "../../../domain/checksum.ts";
import { MULTIPART_LIFETIME, type StoredPart } from "../../../domain/multipart.ts";
import { codeOf } from "../../thrown.ts";
import { sumOf } from "./checksums.ts";
import { withClaim } from "./claim.ts";
import { type Folder, makeFolder } from "./folder.ts";
import { openStored, writeObject, writeNew, type Writing } from "./objects.ts";
import type { RefusalCode } from "./refusal.ts";

// An upload is a folder with one file for each part, in the format of objects, and a file that says
// what the upload is. To end an upload, its folder is renamed first: from then on no part arrives.
// The name of a part's file says all that a list needs: number, time in milliseconds, size and MD5.

const ABOUT = "upload.json";
const PART = /^(\d+)-\d{13}-(\d+)-([0-9a-f]{32})$/;
const NAME = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TIMEOUTS = { piece: 60_000, whole: 60 * 60_000 };

/** An upload, by the key as it stands in the store and the name that `startUpload` gave it. */
interface UploadName {
  readonly key: string;
  readonly uploadId: string;
}

/** Starts an upload, and returns its name. */
export async function startUpload(
  folder: Folder,
  about: { readonly key: string; readonly mediaType: string },
): Promise<string> {
  await makeFolder(folder.uploads);
  const uploadId = randomUUID();
  const path = join(folder.uploads, uploadId);
  await mkdir(path, { mode: 0o700 });
  const options = { flag: "wx", mode: 0o600, flush: true };
  await writeFile(join(path, ABOUT), JSON.stringify(about), options);
  return uploadId;
}

/** Stores a part, in the place of an earlier one, and returns its ETag. */
export async function writePart(
  folder: Folder,
  upload: UploadName & { readonly number: number; readonly size: number } & Writing,
): Promise<Result.Result<string, RefusalCode>> {
  if ((await openUpload(folder, upload)) === undefined) return Result.fail("NoSuchUpload");
  try {
    const { number, size } = upload;
    const parts = join(folder.uploads, upload.uploadId);
    const path = (etag: string) =>
      join(parts, `${number}-${Date.now()}-${size}-${etag.slice(1, -1)}`);
    const written = await writeObject(folder, { ...upload, mediaType: "", writeOnce: false, path });
    // Of several at once each keeps the newest that it sees, so that one is left.
    const names = (await readdir(parts)).filter((name) => name.startsWith(`${number}-`)).sort();
    for (const name of names.slice(0, -1)) await unlink(join(parts, name)).catch(noneIfGone);
    return written;
  } catch (cause) {
    // The upload has ended while the part arrived.
    if (codeOf(cause) === "ENOENT" && (await openUpload(folder, upload)) === undefined) {
      return Result.fail("NoSuchUpload");
    }
    throw cause;
  }
}

/** The parts of an upload, ascending; none if there is no such upload. */
export async function partsOf(
  folder: Folder,
  upload: UploadName,
): Promise<Option.Option<ReadonlyArray<StoredPart>>> {
  if ((await openUpload(folder, upload)) === undefined) return Option.none();
  const files = await partFiles(folder, upload);
  if (files === undefined) return Option.none();
  const parts = [...files.values()].map(({ part }) => part);
  return Option.some(parts.sort((a, b) => a.partNumber - b.partNumber));
}

/** The newest file of each part; undefined if the upload has ended. */
async function partFiles(folder: Folder, { uploadId }: UploadName) {
  const names = await readdir(join(folder.uploads, uploadId)).catch(noneIfGone);
  if (names === undefined) return undefined;
  const newest = new Map<number, { readonly name: string; readonly part: StoredPart }>();
  for (const name of names) {
    const [, number, size, md5] = PART.exec(name) ?? [];
    const partNumber = Number(number);
    if (md5 === undefined || name < (newest.get(partNumber)?.name ?? "")) continue;
    newest.set(partNumber, { name, part: { partNumber, size: Number(size), etag: `"${md5}"` } });
  }
  return newest;
}

/**
 * Puts parts together, a piece at a time, in a temporary file that is then linked under the key. So
 * a crash leaves the whole object or none, and the upload as it was. All that ask for it meanwhile
 * get the same answer; in another process they wait for the end.
 */
export async function completeUpload(
  folder: Folder,
  upload: UploadName & {
    readonly parts: ReadonlyArray<StoredPart>;
    readonly checksum?: Checksum | undefined;
  },
): Promise<Completion> {
  if ((await openUpload(folder, upload)) === undefined) return "ended";
  const { uploadId } = upload;
  const joining = () => joinParts(folder, upload);
  const running = completions.get(uploadId) ?? withClaim(join(folder.temporary, uploadId), joining);
  completions.set(uploadId, running);
  return running.finally(() => completions.delete(uploadId));
}

/** The completions in progress, by upload. */
const completions = new Map<string, Promise<Completion>>();

async function joinParts(
  folder: Folder,
  upload: Parameters<typeof completeUpload>[1],
): Promise<Completion> {
  const about = await openUpload(folder, upload);
  if (about === undefined) return "ended";
  const { key, mediaType } = about;
  const { parts, checksum } = upload;
  const md5 = createHash("md5");
  const sum = checksum && (await sumOf(checksum.algorithm));
  const written = await writeNew<"ended" | "changed" | "mismatch">(folder, key, async (file) => {
    const files = await partFiles(folder, upload);
    if (files === undefined) return Result.fail("ended");
    for (const { partNumber, size, etag } of parts) {
      const { name = "", part: found } = files.get(partNumber) ?? {};
      if (found?.etag !== etag || found.size !== size) return Result.fail("changed");
      const part = await openStored(join(folder.uploads, upload.uploadId, name));
      if (part === undefined) return Result.fail("changed");
      md5.update(Buffer.from(etag.replaceAll('"', ""), "hex"));
      const bytes = part.bytes({ start: 0, end: size - 1, timeouts: TIMEOUTS });
      for await (const chunk of bytes) {
        sum?.update(chunk);
        await file.writeFile(chunk);
      }
    }
    // oxlint-disable-next-line valetkey/constant-time -- who sends the bytes knows their checksum
    if (sum?.digest().toString("base64") !== checksum?.value) return Result.fail("mismatch");
    // As S3 names an object in parts.
    const etag = `"${md5.digest("hex")}-${parts.length}"`;
    const checksums = checksum ? { [checksum.algorithm]: checksum.value } : {};
    return Result.succeed({ mediaType, etag, checksums });
  });
  if (Result.isFailure(written)) {
    return written.failure === "PreconditionFailed" ? "exists" : written.failure;
  }
  await endUpload(folder, upload);
  return "completed";
}

/** Removes an upload and its parts, if it is there. */
export async function endUpload(folder: Folder, upload: UploadName): Promise<void> {
  if ((await openUpload(folder, upload)) === undefined) return;
  const ended = join(folder.uploads, `${randomUUID()}.ended`);
  // Two may end it at once.
  await rename(join(folder.uploads, upload.uploadId), ended).catch(noneIfGone);
  await rm(ended, { recursive: true, force: true });
}

/** Removes uploads to which nothing came for so long that they cannot be completed. */
export async function removeAbandoned(folder: Folder): Promise<void> {
  const oldest = Date.now() - Duration.toMillis(MULTIPART_LIFETIME) - 60 * 60_000;
  for (const name of (await readdir(folder.uploads).catch(noneIfGone)) ?? []) {
    const path = join(folder.uploads, name);
    const found = await lstat(path).catch(noneIfGone);
    if (found !== undefined && (name.endsWith(".ended") || found.mtimeMs < oldest)) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

/** What an upload is; undefined if there is none of this name and key. */
async function openUpload(folder: Folder, { key, uploadId }: UploadName) {
  if (!NAME.test(uploadId)) return undefined;
  const text = await readFile(join(folder.uploads, uploadId, ABOUT), "utf8").catch(noneIfGone);
  if (text === undefined) return undefined;
  const about = JSON.parse(text) as { readonly key: string; readonly mediaType: string };
  return about.key === key ? about : undefined;
}

function noneIfGone(cause: unknown): undefined {
  if (codeOf(cause) !== "ENOENT") throw cause;
}
