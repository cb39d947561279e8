import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { Checksum } from "../../../domain/checksum.ts";
import { isExecutable, type MediaType } from "../../../domain/media-type.ts";
import { CHECKSUM_HEADERS } from "../signing/binding.ts";
import type { SigningKeys } from "../signing/sign-query.ts";
import type { Patience } from "./body.ts";
import type { Checksums } from "./checksums.ts";
import { type Failure, failureOf } from "./failure.ts";
import { type Folder, LONGEST_PAUSE } from "./folder.ts";
import { openObject, type StoredObject, writeObject } from "./objects.ts";
import { refusal } from "./refusal.ts";
import { verify } from "./verify.ts";

/** The least that has to move of an object, after a minute's grace: 16 bytes in a millisecond. */
const SLOWEST_RATE = 16;

const patienceFor = (size: number): Patience => ({
  piece: LONGEST_PAUSE,
  whole: 60_000 + size / SLOWEST_RATE,
});

/**
 * Answers signed PUT, GET and HEAD of objects the way S3 does, so that a client cannot tell this
 * store from a bucket. `root` is the path that stands before bucket and key in the address.
 */
export function objectsHandler(store: {
  readonly folder: Folder;
  readonly root: string;
  readonly keys: SigningKeys;
  readonly region: string;
  readonly now: () => number;
  /** Told where the store itself fails, for its operator. */
  readonly onFailure: (failure: Failure) => void;
}): (request: Request) => Promise<Response> {
  const answer = async (request: Request): Promise<Response> => {
    const { method } = request;
    if (method !== "PUT" && method !== "GET" && method !== "HEAD") {
      return refusal("MethodNotAllowed", { Allow: "PUT, GET, HEAD" });
    }
    if (method === "PUT" && !request.headers.has("content-length")) {
      return refusal("MissingContentLength");
    }
    const verified = verify(request, { ...store, now: store.now() });
    if (Result.isFailure(verified)) return refusal(verified.failure);
    const { pathname } = new URL(request.url);
    // The signature covers the path, so that this can only be a key that we signed.
    const key = pathname.slice(store.root.length);
    return method === "PUT" ? put(store.folder, key, request) : get(store.folder, key, request);
  };
  return async (request) => {
    try {
      return await answer(request);
    } catch (cause) {
      const failure = failureOf(cause);
      store.onFailure(failure);
      return refusal(failure.code);
    }
  };
}

async function put(folder: Folder, key: string, request: Request): Promise<Response> {
  const size = Number(request.headers.get("content-length"));
  const checksums = checksumsIn(request.headers);
  if (checksums === undefined) return refusal("InvalidDigest");
  const written = await writeObject(folder, {
    key,
    mediaType: request.headers.get("content-type") ?? "application/octet-stream",
    size,
    writeOnce: request.headers.get("if-none-match") === "*",
    checksums,
    body: request.body,
    patience: patienceFor(size),
  });
  switch (written.outcome) {
    case "stored":
      return new Response(null, { headers: { ETag: written.etag, "Content-Length": "0" } });
    case "exists":
      return refusal("PreconditionFailed");
    case "different":
      return refusal("BadDigest");
    case "incomplete":
      return refusal("IncompleteBody");
    case "stalled":
      return refusal("RequestTimeout");
  }
}

/** The checksums that a PUT carries; undefined where one is malformed. */
function checksumsIn(headers: Headers): Checksums | undefined {
  const sent = Object.entries(CHECKSUM_HEADERS).flatMap(([algorithm, name]) => {
    const value = headers.get(name);
    return value === null ? [] : [{ algorithm, value }];
  });
  return sent.every(isChecksum)
    ? Object.fromEntries(sent.map(({ algorithm, value }) => [algorithm, value]))
    : undefined;
}

const isChecksum = Schema.is(Checksum);

async function get(folder: Folder, key: string, request: Request): Promise<Response> {
  const object = await openObject(folder, key);
  if (object === undefined) return refusal("NoSuchKey");
  try {
    return await answerWith(object, request);
  } catch (cause) {
    await object.close();
    throw cause;
  }
}

async function answerWith(object: StoredObject, request: Request): Promise<Response> {
  const headers = headersOf(object, new URL(request.url).searchParams);
  const { size, etag } = object;

  if (matches(request.headers.get("if-none-match"), etag)) {
    await object.close();
    return new Response(null, { status: 304, headers });
  }
  const condition = request.headers.get("if-range");
  const range =
    condition === null || condition === etag
      ? parseRange(request.headers.get("range"), size)
      : undefined;
  if (range === "unsatisfiable") {
    await object.close();
    return refusal("InvalidRange", { "Content-Range": `bytes */${size}` });
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  headers["Content-Length"] = String(end - start + 1);
  if (range !== undefined) headers["Content-Range"] = `bytes ${start}-${end}/${size}`;
  const status = range === undefined ? 200 : 206;
  if (request.method === "HEAD" || size === 0) {
    await object.close();
    return new Response(null, { status, headers });
  }
  const bytes = object.bytes({ start, end, patience: patienceFor(end - start + 1) });
  return new Response(bytes, { status, headers });
}

/** The object's headers; it shares its origin with a page, so nothing in it may run there. */
function headersOf(object: StoredObject, query: URLSearchParams): Record<string, string> {
  const mediaType = query.get("response-content-type") ?? object.mediaType;
  const disposition = query.get("response-content-disposition") ?? "inline";
  const executable = [mediaType, object.mediaType].some((type) => isExecutable(type as MediaType));
  return {
    "Content-Type": mediaType,
    "Content-Disposition":
      executable && !/^attachment\b/i.test(disposition) ? "attachment" : disposition,
    "Cache-Control": query.get("response-cache-control") ?? "private",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Accept-Ranges": "bytes",
    ETag: object.etag,
    "Last-Modified": object.modified.toUTCString(),
  };
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
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.replaceAll(" ", "") ?? "");
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== "" && last !== "" && Number(last) < start) return undefined;
  return start > end || (first === "" && Number(last) === 0) ? "unsatisfiable" : { start, end };
}
