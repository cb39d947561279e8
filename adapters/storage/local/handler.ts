import * as Predicate from "effect/Predicate";
import * as Record from "effect/Record";
import * as Schema from "effect/Schema";
import { Checksum } from "../../../domain/checksum.ts";
import { isExecutable, type MediaType } from "../../../domain/media-type.ts";
import { ANNOUNCEMENT, CHECKSUM_HEADERS } from "../signing/binding.ts";
import type { OnAnnounced } from "../storage.ts";
import { readChunks, timeoutsFor } from "./body.ts";
import type { Folder } from "./folder.ts";
import { objectPath, openObject, type StoredObject, writeObject } from "./objects.ts";
import { writePart } from "./parts.ts";
import { type Failure, failureFrom, refusalAnswer, Refused } from "./refusal.ts";
import { type ExpectedSignature, verify } from "./verify.ts";

interface Store extends Omit<ExpectedSignature, "now"> {
  readonly folder: Folder;
  /** The path in front of bucket and key. */
  readonly root: string;
  readonly bucket: string;
  readonly now: () => number;
  readonly onFailure: (failure: Failure) => void;
}

/** Answers as S3 does, so that a client cannot distinguish this store from a bucket. */
export const objectsHandler =
  (store: Store) =>
  async (request: Request, onAnnounced?: OnAnnounced): Promise<Response> => {
    try {
      return await answer({ ...store, onAnnounced }, request);
    } catch (cause) {
      if (cause instanceof Refused) return refusalAnswer(cause);
      const failure = failureFrom(cause);
      store.onFailure(failure);
      return refusalAnswer(new Refused(failure.code));
    }
  };

type AnnouncingStore = Store & { readonly onAnnounced: OnAnnounced | undefined };

async function answer(store: AnnouncingStore, request: Request): Promise<Response> {
  const { method, headers } = request;
  const { pathname } = new URL(request.url);
  if (!["PUT", "GET", "HEAD"].includes(method)) {
    throw new Refused("MethodNotAllowed", undefined, { Allow: "PUT, GET, HEAD" });
  }
  if (method === "PUT" && !headers.has("content-length")) throw new Refused("MissingContentLength");
  verify(request, { ...store, now: store.now() });
  // The signature covers the path, so this key was signed here.
  const key = pathname.slice(store.root.length);
  return method === "PUT" ? put(store, key, request) : get(store.folder, key, request);
}

async function put(store: AnnouncingStore, key: string, request: Request): Promise<Response> {
  const { folder, bucket, onAnnounced } = store;
  const { headers, body } = request;
  const size = Number(headers.get("content-length"));
  const bytes = readChunks(body, timeoutsFor(size));
  const writing = { size, checksums: checksumsIn(headers), bytes };
  const { searchParams: query } = new URL(request.url);
  const uploadId = query.get("uploadId");
  const announcement = headers.get(ANNOUNCEMENT) ?? undefined;
  const etag =
    uploadId === null
      ? await writeObject(folder, {
          ...writing,
          path: () => objectPath(folder, key),
          contentType: headers.get("content-type") ?? "application/octet-stream",
          announcement,
          writeOnce: headers.get("if-none-match") === "*",
        })
      : await writePart(folder, {
          ...writing,
          key,
          uploadId,
          number: Number(query.get("partNumber")),
        });
  if (announcement !== undefined) await onAnnounced?.(key.slice(`/${bucket}/`.length));
  return new Response(null, { headers: { ETag: etag, "Content-Length": "0" } });
}

const isChecksum = Schema.is(Checksum);

function checksumsIn(headers: Headers) {
  const sent = Record.filter(
    Record.map(CHECKSUM_HEADERS, (name) => headers.get(name)),
    Predicate.isNotNull,
  );
  for (const [algorithm, value] of Object.entries(sent)) {
    if (!isChecksum({ algorithm, value })) throw new Refused("InvalidDigest");
  }
  return sent;
}

async function get(folder: Folder, key: string, request: Request): Promise<Response> {
  const object = await openObject(folder, key);
  if (object === undefined) throw new Refused("NoSuchKey");
  let bytes: ReadableStream<Uint8Array> | null = null;
  try {
    const { size, etag } = object;
    const headers = headersFor(object, new URL(request.url).searchParams);
    if (matches(request.headers.get("if-none-match"), etag)) {
      return new Response(null, { status: 304, headers });
    }
    const condition = request.headers.get("if-range") ?? etag;
    const range = condition === etag ? parseRange(request.headers.get("range"), size) : undefined;
    const { start, end } = range ?? { start: 0, end: size - 1 };
    const length = end - start + 1;
    headers.set("Content-Length", String(length));
    if (range !== undefined) headers.set("Content-Range", `bytes ${start}-${end}/${size}`);
    if (request.method === "GET" && size > 0) {
      bytes = object.bytes({ start, end, timeouts: timeoutsFor(length) });
    }
    return new Response(bytes, { status: range === undefined ? 200 : 206, headers });
  } finally {
    // The stream closes the object at its end.
    if (bytes === null) await object.close();
  }
}

/** Returns an object's headers, so that no browser runs it: the service's page has its origin. */
function headersFor(object: StoredObject, query: URLSearchParams): Headers {
  const contentType = query.get("response-content-type") ?? object.contentType;
  const disposition = query.get("response-content-disposition") ?? "inline";
  const executable = [contentType, object.contentType].some((type) =>
    isExecutable(type as MediaType),
  );
  return new Headers({
    "Content-Type": contentType,
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

/** Parses one range; several or another unit are ignored, as RFC 9110, section 14.2, allows. */
function parseRange(header: string | null, size: number) {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header?.replaceAll(" ", "") ?? "") ?? [];
  if (!first && !last) return undefined;
  const start = first ? Number(first) : Math.max(0, size - Number(last));
  const end = first && last ? Math.min(Number(last), size - 1) : size - 1;
  if (first && last && Number(last) < start) return undefined;
  if (start <= end) return { start, end };
  throw new Refused("InvalidRange", undefined, { "Content-Range": `bytes */${size}` });
}
