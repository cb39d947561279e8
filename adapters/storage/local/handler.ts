import * as Predicate from "effect/Predicate";
import * as Record from "effect/Record";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { Checksum } from "../../../domain/checksum.ts";
import { isExecutable, type MediaType } from "../../../domain/media-type.ts";
import { CHECKSUM_HEADERS } from "../signing/binding.ts";
import type { SigningKeys } from "../signing/sign-query.ts";
import { chunksOf, type Timeouts } from "./body.ts";
import type { Checksums } from "./checksums.ts";
import { type Failure, failureOf } from "./failure.ts";
import { type Folder, LONGEST_PAUSE } from "./folder.ts";
import { objectPath, openObject, type StoredObject, writeObject } from "./objects.ts";
import { writePart } from "./parts.ts";
import { postForm } from "./post-form.ts";
import { refusal } from "./refusal.ts";
import { verify } from "./verify.ts";

/** The slowest transfer that is accepted after the first minute, in bytes per millisecond. */
const SLOWEST_RATE = 16;

const timeoutsFor = (size: number): Timeouts => ({
  piece: LONGEST_PAUSE,
  whole: 60_000 + size / SLOWEST_RATE,
});

/**
 * Answers signed PUT, GET and HEAD of objects, and signed forms, the way S3 does, so that a client
 * cannot tell this store from a bucket. `root` is the path that stands before bucket and key in the
 * address.
 */
export function objectsHandler(store: {
  readonly folder: Folder;
  readonly root: string;
  readonly bucket: string;
  readonly keys: SigningKeys;
  readonly region: string;
  readonly now: () => number;
  /** Called if the store itself fails, to tell its operator. */
  readonly onFailure: (failure: Failure) => void;
}): (request: Request) => Promise<Response> {
  return async (request) => {
    const { method, headers } = request;
    const { pathname } = new URL(request.url);
    const isForm =
      method === "POST" && pathname.replace(/\/$/, "") === `${store.root}/${store.bucket}`;
    if (!isForm && method !== "PUT" && method !== "GET" && method !== "HEAD") {
      return refusal("MethodNotAllowed", { Allow: "PUT, GET, HEAD" });
    }
    const isUpload = isForm || method === "PUT";
    if (isUpload && !headers.has("content-length")) return refusal("MissingContentLength");
    try {
      if (isForm) {
        const timeouts = timeoutsFor(Number(headers.get("content-length")));
        return await postForm(
          { ...store, now: store.now() },
          request,
          chunksOf(request.body, timeouts),
        );
      }
      const verified = verify(request, { ...store, now: store.now() });
      if (Result.isFailure(verified)) return refusal(verified.failure);
      // The signature covers the path, so this is a key that we signed.
      const key = pathname.slice(store.root.length);
      return await (method === "PUT" ? put : get)(store.folder, key, request);
    } catch (cause) {
      const failure = failureOf(cause);
      store.onFailure(failure);
      return refusal(failure.code);
    }
  };
}

async function put(folder: Folder, key: string, request: Request): Promise<Response> {
  const { headers, body } = request;
  const size = Number(headers.get("content-length"));
  const checksums = checksumsIn(headers);
  if (checksums === undefined) return refusal("InvalidDigest");
  const writing = { key, size, checksums, bytes: chunksOf(body, timeoutsFor(size)) };
  // Signed too, as all of the query.
  const { searchParams: query } = new URL(request.url);
  const uploadId = query.get("uploadId");
  const written =
    uploadId === null
      ? await writeObject(folder, {
          ...writing,
          path: () => objectPath(folder, key),
          mediaType: headers.get("content-type") ?? "application/octet-stream",
          writeOnce: headers.get("if-none-match") === "*",
        })
      : await writePart(folder, { ...writing, uploadId, number: Number(query.get("partNumber")) });
  return Result.match(written, {
    onSuccess: (etag) => new Response(null, { headers: { ETag: etag, "Content-Length": "0" } }),
    onFailure: (code) => refusal(code),
  });
}

/** The checksums in the headers of a PUT; undefined if one is malformed. */
function checksumsIn(headers: Headers): Checksums | undefined {
  const sent = Record.filter(
    Record.map(CHECKSUM_HEADERS, (name) => headers.get(name)),
    Predicate.isNotNull,
  );
  const checksums = Object.entries(sent).map(([algorithm, value]) => ({ algorithm, value }));
  return checksums.every(isChecksum) ? sent : undefined;
}

const isChecksum = Schema.is(Checksum);

async function get(folder: Folder, key: string, request: Request): Promise<Response> {
  const object = await openObject(folder, key);
  if (object === undefined) return refusal("NoSuchKey");
  let bytes: ReadableStream<Uint8Array> | null = null;
  try {
    const { size, etag } = object;
    const headers = headersOf(object, new URL(request.url).searchParams);
    if (matches(request.headers.get("if-none-match"), etag)) {
      return new Response(null, { status: 304, headers });
    }
    const condition = request.headers.get("if-range") ?? etag;
    const range = condition === etag ? parseRange(request.headers.get("range"), size) : undefined;
    if (range === "unsatisfiable") {
      return refusal("InvalidRange", { "Content-Range": `bytes */${size}` });
    }
    const { start, end } = range ?? { start: 0, end: size - 1 };
    const length = end - start + 1;
    headers.set("Content-Length", String(length));
    if (range !== undefined) headers.set("Content-Range", `bytes ${start}-${end}/${size}`);
    if (request.method === "GET" && size > 0) {
      bytes = object.bytes({ start, end, timeouts: timeoutsFor(length) });
    }
    return new Response(bytes, { status: range === undefined ? 200 : 206, headers });
  } finally {
    // The stream closes the object at its own end.
    if (bytes === null) await object.close();
  }
}

/** The object's headers. Its origin is that of the service's page, so a browser must not run it. */
function headersOf(object: StoredObject, query: URLSearchParams): Headers {
  const mediaType = query.get("response-content-type") ?? object.mediaType;
  const disposition = query.get("response-content-disposition") ?? "inline";
  const executable = [mediaType, object.mediaType].some((type) => isExecutable(type as MediaType));
  return new Headers({
    "Content-Type": mediaType,
    "Content-Disposition":
      executable && !/^attachment\b/i.test(disposition) ? "attachment" : disposition,
    "Cache-Control": query.get("response-cache-control") ?? "private",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Accept-Ranges": "bytes",
    ETag: object.etag,
    "Last-Modified": object.modified.toUTCString(),
  });
}

const matches = (ifNoneMatch: string | null, etag: string) =>
  ifNoneMatch?.split(",").some((tag) => ["*", etag, `W/${etag}`].includes(tag.trim())) ?? false;

/**
 * Reads a `Range` header for an object of `size` bytes: the first and last byte, both included.
 * Several ranges or another unit are ignored, as RFC 9110, section 14.2, allows. A range outside
 * the object is unsatisfiable.
 */
function parseRange(
  header: string | null,
  size: number,
): { readonly start: number; readonly end: number } | "unsatisfiable" | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header?.replaceAll(" ", "") ?? "") ?? [];
  if (!first && !last) return undefined;
  const start = first ? Number(first) : Math.max(0, size - Number(last));
  const end = first && last ? Math.min(Number(last), size - 1) : size - 1;
  if (first && last && Number(last) < start) return undefined;
  return start > end ? "unsatisfiable" : { start, end };
}
