import { Readable } from "node:stream";
import { onTestFinished } from "vitest";
import { listenNode } from "../../adapters/http/server/listen-node.ts";
import { openFolder } from "../../adapters/storage/local/folder.ts";
import { objectsHandler } from "../../adapters/storage/local/handler.ts";
import { objectPath, openObject, writeObject } from "../../adapters/storage/local/objects.ts";
import { Refused } from "../../adapters/storage/local/refusal.ts";
import { verify } from "../../adapters/storage/local/verify.ts";
import type { SigningKeys } from "../../adapters/storage/signing/sign-query.ts";
import { AWS4_HMAC_SHA256 } from "../../adapters/storage/signing/algorithms.ts";
import { freePort } from "./free-port.ts";
import { makeFolder } from "./make-folder.ts";

/** What comes between a request and its answer: another answer, or undefined for the usual one. */
export type Between = (
  request: Request & { readonly query: URLSearchParams; readonly isUnsigned: boolean },
  /** The usual answer, to the request or to what a proxy makes of it. */
  usual: (changed?: Request) => Promise<Response>,
) => Response | Promise<Response> | undefined;

const ACCESS_KEY = "an-access-key";
const SECRET_KEY = "a-secret-key-of-the-tests";
/** Uploads are signed by this key, which may do nothing else. */
const PUT_ACCESS_KEY = "a-key-for-uploads";
const PUT_SECRET_KEY = "a-secret-key-for-uploads";
const algorithm = AWS4_HMAC_SHA256;
const ALL = { algorithm, accessKey: ACCESS_KEY, secretKey: SECRET_KEY };
const PUTS = { algorithm, accessKey: PUT_ACCESS_KEY, secretKey: PUT_SECRET_KEY };
const REGION = "us-east-1";
const ORIGIN = "https://app.example.com";

/** The error of a store, as S3 writes it. */
export const s3Error = (status: number, code: string, message = "A sentence."): Response =>
  new Response(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`, { status });

/**
 * A server of S3's API in this process until the test ends: the embedded store for what clients
 * send, and as much of a bucket as the commands ask for. It stands where a real store would have to
 * be broken; `between` breaks it.
 */
export async function startS3(between: Between = () => undefined) {
  const folder = await openFolder(makeFolder());
  const port = await freePort();
  const handled = (keys: SigningKeys) =>
    objectsHandler({
      folder,
      root: "",
      bucket: "files",
      keys,
      region: REGION,
      now: Date.now,
      onFailure: fail,
    });
  const all = { keys: ALL, objects: handled(ALL) };
  const puts = { keys: PUTS, objects: handled(PUTS) };
  const removed = new Set<string>();
  const settings = new Map<string, string>();

  const answer = async (request: Request): Promise<Response> => {
    const { method, headers } = request;
    const { pathname, searchParams: query } = new URL(request.url);
    if (method === "OPTIONS") {
      return new Response(null, { status: headers.get("origin") === ORIGIN ? 200 : 403 });
    }
    if (!query.has("X-Amz-Signature") && !headers.has("authorization")) {
      return s3Error(403, "AccessDenied");
    }
    const isForPuts = query.get("X-Amz-Credential")?.startsWith(PUT_ACCESS_KEY) === true;
    const { keys, objects } = isForPuts ? puts : all;
    if (query.has("X-Amz-Signature")) {
      try {
        verify(request, { keys, region: REGION, now: Date.now() });
      } catch (cause) {
        if (!(cause instanceof Refused)) throw cause;
        return s3Error(403, cause.code === "RequestExpired" ? "AccessDenied" : cause.code);
      }
    }
    if (isForPuts && method !== "PUT") return s3Error(403, "AccessDenied");
    const [, bucket, key = ""] = /^\/([^/]+)\/?(.*)$/.exec(pathname) ?? [];
    if (bucket !== "files") return s3Error(404, "NoSuchBucket");
    const subresource = [...query.keys()].find((name) => !name.startsWith("X-Amz-")) ?? "";
    if (key === "") return bucketAnswer(method, subresource, await request.text());
    if (query.has("uploadId") && method === "DELETE") return new Response(null, { status: 204 });
    if (method === "POST" || query.has("uploadId")) return partsAnswer(request, query);
    if (removed.has(pathname) && method !== "PUT") return s3Error(404, "NoSuchKey");
    if (method === "HEAD") return headOf(pathname);
    if (method === "DELETE") {
      removed.add(pathname);
      return new Response(null, { status: 204 });
    }
    if (method === "PUT") removed.delete(pathname);
    return objects(request);
  };
  const bucketAnswer = (method: string, subresource: string, body: string) => {
    if (method === "PUT") settings.set(subresource, body);
    const text = settings.get(subresource);
    if (["location", "max-keys", "list-type", ""].includes(subresource)) {
      return new Response("<ListBucketResult></ListBucketResult>");
    }
    return method === "GET" && text === undefined
      ? s3Error(404, "NoSuchConfiguration")
      : new Response(method === "GET" ? text : null);
  };
  const headOf = async (pathname: string) => {
    const object = await openObject(folder, pathname);
    if (object === undefined) return new Response(null, { status: 404 });
    await object.close();
    const { size, contentType, etag, checksums = {} } = object;
    const headers = new Headers({
      "Content-Length": `${size}`,
      "Content-Type": contentType,
      ETag: etag,
    });
    for (const [name, value] of Object.entries(checksums)) {
      headers.set(`x-amz-checksum-${name}`, value);
    }
    return new Response(null, { headers });
  };
  let part = "";
  let bytes = new Uint8Array();
  /** Knows one upload, of one part. */
  const partsAnswer = async (request: Request, query: URLSearchParams) => {
    const sent = await request.bytes();
    if (request.method === "POST" && query.has("uploadId")) {
      const path = objectPath(folder, new URL(request.url).pathname);
      const stored = { contentType: "image/png", writeOnce: true, path: () => path };
      await writeObject(folder, { ...stored, size: bytes.length, bytes: Readable.from([bytes]) });
      return new Response("<CompleteMultipartUploadResult></CompleteMultipartUploadResult>");
    }
    if (request.method === "POST") {
      return new Response(
        "<InitiateMultipartUploadResult><UploadId>an-upload</UploadId></InitiateMultipartUploadResult>",
      );
    }
    if (request.method === "PUT") {
      bytes = sent;
      part = `<Part><PartNumber>${query.get("partNumber")}</PartNumber><ETag>"e"</ETag><Size>${sent.length}</Size></Part>`;
      return new Response(null, { headers: { ETag: '"e"' } });
    }
    return new Response(
      `<ListPartsResult>${part}<IsTruncated>false</IsTruncated></ListPartsResult>`,
    );
  };

  const listening = await listenNode({
    host: "127.0.0.1",
    port,
    fetch: async (request) => {
      const { searchParams: query } = new URL(request.url);
      const isUnsigned = !query.has("X-Amz-Signature") && !request.headers.has("authorization");
      const usual = async (changed = request) =>
        withCors(request, await answer(withParameters(changed)));
      const seen = Object.assign(request, { query, isUnsigned });
      return (await between(seen, usual)) ?? usual();
    },
  });
  onTestFinished(() => listening.stop());
  return {
    endpoint: `http://127.0.0.1:${port}`,
    /** What configures the service for it. */
    env: {
      STORAGE_ADAPTER: "minio",
      STORAGE_ENDPOINT: `http://127.0.0.1:${port}`,
      STORAGE_REGION: REGION,
      STORAGE_ACCESS_KEY: ACCESS_KEY,
      STORAGE_SECRET_KEY: SECRET_KEY,
      STORAGE_PUT_ACCESS_KEY: PUT_ACCESS_KEY,
      STORAGE_PUT_SECRET_KEY: PUT_SECRET_KEY,
      CORS_ORIGINS: ORIGIN,
    },
    /** The bucket's own settings, by the name of the query. */
    settings,
  };
}

/** As MinIO does it: a header that was signed and is missing has its value from the query. */
function withParameters(request: Request): Request {
  const query = new URL(request.url).searchParams;
  const headers = new Headers(request.headers);
  for (const name of query.get("X-Amz-SignedHeaders")?.split(";") ?? []) {
    const value = query.get(name);
    if (value !== null && !headers.has(name)) headers.set(name, value);
  }
  return new Request(request, { headers, duplex: "half" } as RequestInit);
}

function fail(): never {
  throw new Error("the store itself failed");
}

function withCors(request: Request, answer: Response): Response {
  if (request.headers.get("origin") !== ORIGIN) return answer;
  const headers = new Headers(answer.headers);
  headers.set("Access-Control-Allow-Origin", ORIGIN);
  headers.set("Access-Control-Allow-Methods", "PUT, GET");
  headers.set(
    "Access-Control-Allow-Headers",
    request.headers.get("access-control-request-headers") ?? "",
  );
  headers.set("Access-Control-Expose-Headers", "ETag");
  return new Response(answer.body, { status: answer.status, headers });
}
