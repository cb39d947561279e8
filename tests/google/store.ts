// A double of Google Cloud Storage's XML API: no bucket of Google's can be reached in tests, and
// fake-gcs-server, which stores the bytes behind it, checks nothing of what a signed URL binds.
// It is written from Google's documentation and not from our signer, and holds no private key.
import { createCRC32 } from "hash-wasm";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type ServerResponse,
} from "node:http";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { isWithin, neededBy, type Rule } from "./boundary.ts";
import {
  decode,
  readRequest,
  Refusal,
  toXml,
  type VerifyingKeys,
  verifySignature,
  type WireRequest,
} from "./signature.ts";
import { gcsMultipart, type Reply, type Resource } from "./multipart.ts";
import { send } from "../../adapters/contract/sending/send.ts";
import { listen } from "../support/serve.ts";

/** What the double stands in front of, and whom it believes. */
interface GcsVerifierOptions extends VerifyingKeys {
  /** Where fake-gcs-server answers. */
  readonly upstream: string;
  /** The rules of a token with an access boundary; undefined for others. */
  readonly rulesOf?: (token: string) => ReadonlyArray<Rule> | undefined;
}

/** A listening double. */
interface GcsVerifier {
  readonly port: number;
  readonly close: () => Promise<void>;
}

/**
 * Listens on 127.0.0.1, as `localhost` too; `<bucket>.localhost` is the virtual-hosted style. The
 * JSON API is passed on as it comes, without any check but that of a token with an access boundary.
 */
export async function startGcsVerifier(options: GcsVerifierOptions): Promise<GcsVerifier> {
  const uploads = gcsMultipart({
    bodyOf,
    insert: (resource, headers, body) => insert(options.upstream, resource, { headers, body }),
  });
  return listen((incoming, response) => {
    void answer({ ...options, uploads }, incoming, response);
  });
}

/** Makes a bucket in fake-gcs-server. */
export async function createBucket(endpoint: string, bucket: string): Promise<void> {
  const { status, body } = await send("POST", `${endpoint}/storage/v1/b?project=tests`, {
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name: bucket }),
  });
  if (status !== 200) throw new Error(`fake-gcs-server made no bucket: ${status} ${body}`);
}

/** Requests with a condition, one by one. */
let last: Promise<void> = Promise.resolve();

/** Whether an object is of the generation that a change is for, which the server does not check. */
async function isOfGeneration(upstream: string, url: string): Promise<boolean> {
  const { pathname, searchParams } = new URL(url, upstream);
  const [own, target] = pathname.split("/rewriteTo");
  const path = target === undefined ? own : `/storage/v1${target}`;
  const { status, body } = await send("GET", `${upstream}${path}`);
  const wanted = searchParams.get("ifGenerationMatch");
  return status !== 200 || JSON.parse(body.toString()).generation === wanted;
}

type Started = GcsVerifierOptions & { readonly uploads: ReturnType<typeof gcsMultipart> };

async function answer(
  options: Started,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const { method = "", url = "" } = incoming;
    const host = incoming.headers.host?.toLowerCase() ?? "";
    const [, token] = /^Bearer (.+)$/.exec(incoming.headers.authorization ?? "") ?? [];
    const rules = token && options.rulesOf?.(token);
    if (
      rules &&
      !isWithin(rules, await neededBy(method, url, incoming.headers, existsIn(options)))
    ) {
      incoming.resume();
      response.writeHead(403, { "Content-Type": "application/xml" });
      return void response.end(toXml(new Refusal(403, "AccessDenied", "The token may not.")));
    }
    if (isEndpoint(host) && JSON_API.test(url)) {
      if (!url.includes("ifGenerationMatch=")) {
        return await passOn(options.upstream, incoming, response);
      }
      const before = last;
      const change = async () => {
        await Promise.allSettled([before]);
        if (await isOfGeneration(options.upstream, url)) {
          return passOn(options.upstream, incoming, response);
        }
        incoming.resume();
        response.writeHead(412, { "Content-Type": "application/json" }).end("{}");
      };
      return await (last = change());
    }
    const reply = await decide(options, host, incoming, Boolean(rules)).catch(refused);
    // The client is heard out, so that it reads the answer.
    incoming.resume();
    response.writeHead(reply.status, reply.headers).end(method === "HEAD" ? "" : reply.body);
  } catch {
    response.destroy();
  }
}

const existsIn =
  ({ upstream }: Started) =>
  async (bucket: string, object: string): Promise<boolean> => {
    const path = `/storage/v1/b/${bucket}/o/${encodeURIComponent(object)}`;
    return (await send("GET", `${upstream}${path}`)).status === 200;
  };

async function decide(
  options: Started,
  host: string,
  incoming: IncomingMessage,
  isAllowed: boolean,
): Promise<Reply> {
  const { method = "", url = "", rawHeaders } = incoming;
  const request = readRequest(method, url, rawHeaders);
  if (!isAllowed) verifySignature(request, options, Date.now());
  const resource = resourceOf(host, request.path);
  const isOfUploads =
    request.query.has("uploads") || (request.query.has("uploadid") && resource.object !== "");
  if (isOfUploads) {
    return options.uploads(request, resource, incoming);
  }
  if (method === "DELETE" && resource.object !== "") {
    return remove(options.upstream, request, resource);
  }
  const isRead = method === "GET" || method === "HEAD";
  if (NOT_HERE.some((name) => request.query.has(name)) || !(isRead || method === "PUT")) {
    throw notImplemented();
  }
  if (resource.object === "" && method === "GET" && request.query.has("list-type")) {
    return listObjects(options.upstream, request, resource);
  }
  if (resource.object === "") return ofBucket(options.upstream, resource, method);
  return isRead
    ? read(options.upstream, request, resource)
    : store(options.upstream, request, resource, incoming);
}

/** Which bucket and object are meant: by path, by the host's first labels, or by the host alone. */
function resourceOf(host: string, path: string): Resource {
  const name = host.replace(/:\d+$/, "");
  if (isEndpoint(host)) {
    const [, bucket = "", object = ""] = /^([^/]*)\/?(.*)$/s.exec(path.slice(1)) ?? [];
    return { bucket: decode(bucket), object: decode(object) };
  }
  const endpoint = ENDPOINTS.find((endpoint) => name.endsWith(`.${endpoint}`));
  const bucket = endpoint === undefined ? name : name.slice(0, -endpoint.length - 1);
  return { bucket, object: decode(path.slice(1)) };
}

/** "DELETE Object", XML API of Cloud Storage. */
async function remove(
  upstream: string,
  { query }: WireRequest,
  { bucket, object }: Resource,
): Promise<Reply> {
  const path = `/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(object)}`;
  const generation = query.get("generation")?.value;
  const search = generation === undefined ? "" : `?generation=${generation}`;
  const { status } = await send("DELETE", `${upstream}${path}${search}`);
  if (status === 404) throw new Refusal(404, "NoSuchKey", "There is no such object.");
  return { status: 204, headers: {} };
}

async function ofBucket(upstream: string, { bucket }: Resource, method: string): Promise<Reply> {
  if (method !== "HEAD" || bucket === "") throw notImplemented();
  const { status } = await send("GET", `${upstream}/storage/v1/b/${encodeURIComponent(bucket)}`);
  if (status !== 200) throw noSuchBucket();
  return { status: 200, headers: {} };
}

/** "List Objects" with `list-type=2`, XML API of Cloud Storage. */
async function listObjects(
  upstream: string,
  { query }: WireRequest,
  { bucket }: Resource,
): Promise<Reply> {
  const [prefix = "", after = "", most = "1000"] = ["prefix", "start-after", "max-keys"].map(
    (name) => query.get(name)?.value,
  );
  const path = `/storage/v1/b/${encodeURIComponent(bucket)}/o?prefix=${encodeURIComponent(prefix)}`;
  const { status, body } = await send("GET", `${upstream}${path}`);
  if (status !== 200) throw noSuchBucket();
  const { items = [] } = JSON.parse(body.toString()) as {
    readonly items?: ReadonlyArray<Readonly<Record<"name" | "size" | "updated", string>>>;
  };
  const rest = items
    .filter(({ name }) => name > after)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const page = rest
    .slice(0, Number(most))
    .map(
      ({ name, size, updated }) =>
        `<Contents><Key>${name}</Key><LastModified>${updated}</LastModified><ETag>"of ${name}"</ETag><Size>${size}</Size></Contents>`,
    );
  const isTruncated = `<IsTruncated>${page.length < rest.length}</IsTruncated>`;
  const xml = `<ListBucketResult>${isTruncated}${page.join("")}</ListBucketResult>`;
  return { status: 200, headers: {}, body: Buffer.from(xml) };
}

async function store(
  upstream: string,
  request: WireRequest,
  { bucket, object }: Resource,
  incoming: IncomingMessage,
): Promise<Reply> {
  const header = (name: string) => request.headers.get(name)?.join(",");
  if (header("x-goog-copy-source") !== undefined) throw notImplemented();
  const body = await bodyOf(request, incoming);
  const optional = {
    contentEncoding: header("content-encoding"),
    // Compared and stored under one lock there, so that one of racing requests wins.
    ifGenerationMatch: header("x-goog-if-generation-match"),
  };
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(optional)) if (value) search.set(name, value);
  const headers: Record<string, string> = { "content-type": "application/octet-stream" };
  for (const [name, [value]] of request.headers) {
    if (STORED.has(name) || name.startsWith("x-goog-meta-")) headers[name] = value ?? "";
  }
  await insert(upstream, { bucket, object }, { headers, body, search });
  return { status: 200, headers: { ETag: `"${md5(body).toString("hex")}"` } };
}

/** The body of a PUT, if its length and its hashes are as the headers say. */
async function bodyOf(request: WireRequest, incoming: IncomingMessage): Promise<Buffer> {
  const header = (name: string) => request.headers.get(name)?.join(",");
  // Of a chunked upload Google asks x-amz-decoded-content-length instead, which is not done here.
  if (!request.headers.has("content-length")) {
    throw new Refusal(411, "MissingContentLength", "How long the body is must be said.");
  }
  const body = await buffer(incoming);
  checkLength(header("x-goog-content-length-range"), body.length);
  checkHashes(header("x-goog-hash"), header("content-md5"), body);
  return body;
}

/** Stores an object in fake-gcs-server. */
async function insert(
  upstream: string,
  { bucket, object }: Resource,
  upload: {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Buffer;
    readonly search?: URLSearchParams;
  },
): Promise<void> {
  const search = new URLSearchParams(upload.search);
  search.set("uploadType", "media");
  search.set("name", object);
  const url = `${upstream}/upload/storage/v1/b/${encodeURIComponent(bucket)}/o?${search}`;
  const stored = await send("POST", url, upload);
  if (stored.status === 404) throw noSuchBucket();
  if (stored.status === 412) {
    throw new Refusal(412, "PreconditionFailed", "The object is not of this generation.");
  }
  if (stored.status !== 200) throw new Error(`fake-gcs-server answered ${stored.status}`);
}

async function read(
  upstream: string,
  request: WireRequest,
  { bucket, object }: Resource,
): Promise<Reply> {
  const overrides = Object.fromEntries(
    ["content-type", "content-disposition"].flatMap((name) => {
      const value = request.query.get(`response-${name}`)?.value;
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const path = `/download/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(object)}`;
  const headers: Record<string, string> = {};
  for (const name of ["accept-encoding", "range"]) {
    const value = request.headers.get(name)?.join(",");
    if (value !== undefined) headers[name] = value;
  }
  const generation = request.query.get("generation")?.value;
  const search = `alt=media${generation === undefined ? "" : `&generation=${generation}`}`;
  const found = await send(request.method, `${upstream}${path}?${search}`, { headers });
  if (found.status === 404) throw new Refusal(404, "NoSuchKey", "There is no such object.");
  const etag = xmlEtag(found.headers);
  const known = request.headers.get("if-none-match")?.join(",");
  if (known !== undefined && isAmong(etag, known)) return { status: 304, headers: { etag } };
  const served = Object.entries(found.headers).filter(([name]) => !NOT_SERVED.test(name));
  return {
    status: found.status,
    headers: {
      // What Cloud Storage makes up for objects of which nothing was said.
      "cache-control": "private, max-age=0",
      expires: new Date().toUTCString(),
      ...Object.fromEntries(served.map(([name, value]) => [name, String(value)])),
      etag,
      ...(found.status < 300 ? overrides : {}),
    },
    body: found.body,
  };
}

const ENDPOINTS = ["127.0.0.1", "localhost", "storage.googleapis.com"];
const JSON_API = /^\/(?:(?:upload|download)\/)?storage\/v1\//;
/** Parameters that make another operation of a request. */
const NOT_HERE = ["acl", "compose", "partnumber", "retention", "uploadid", "uploads"];
const STORED = new Set([
  "cache-control",
  "content-disposition",
  "content-language",
  "content-type",
]);
/** What is the connection's, or is made anew. */
const NOT_SERVED = /^(?:access-control-.*|connection|date|etag|keep-alive|transfer-encoding)$/;

const isEndpoint = (host: string) => ENDPOINTS.includes(host.replace(/:\d+$/, ""));

const notImplemented = () =>
  new Refusal(501, "NotImplemented", "The double of the tests does not do this.");

const noSuchBucket = () => new Refusal(404, "NoSuchBucket", "There is no such bucket.");

function checkLength(range: string | undefined, length: number): void {
  if (range === undefined) return;
  const [, least, most] = /^\s*(\d+)\s*,\s*(\d+)\s*$/.exec(range) ?? [];
  if (least === undefined || most === undefined || Number(least) > Number(most)) {
    throw new Refusal(400, "InvalidArgument", "The range of lengths is no minimum,maximum.");
  }
  if (length > Number(most)) throw new Refusal(400, "EntityTooLarge", "The body is too long.");
  if (length < Number(least)) throw new Refusal(400, "EntityTooSmall", "The body is too short.");
}

function checkHashes(list: string | undefined, contentMd5: string | undefined, body: Buffer): void {
  const declared = list?.split(",").map((item) => item.trim()) ?? [];
  if (contentMd5 !== undefined) declared.push(`md5=${contentMd5}`);
  for (const item of declared) {
    const [, name = "", value = ""] = /^(crc32c|md5)=([A-Za-z0-9+/]+={0,2})$/.exec(item) ?? [];
    const actual = name === "crc32c" ? crc32c(body) : md5(body);
    const bytes = Buffer.from(value, "base64");
    if (bytes.length !== actual.length || bytes.toString("base64") !== value) {
      throw new Refusal(400, "InvalidDigest", "A hash is given by algorithm and in base64.");
    }
    if (!bytes.equals(actual)) throw new Refusal(400, "BadDigest", "The bytes have another hash.");
  }
}

const md5 = (body: Buffer) => createHash("md5").update(body).digest();

const castagnoli = await createCRC32(0x82f63b78);

/** Big-endian, as it is written in base64. */
const crc32c = (body: Buffer) => Buffer.from(castagnoli.init().update(body).digest("binary"));

/** The XML API's is the MD5 in hexadecimal digits, and fake-gcs-server's is in base64. */
const xmlEtag = ({ etag = "" }: IncomingHttpHeaders) =>
  `"${Buffer.from(etag.replaceAll('"', ""), "base64").toString("hex")}"`;

const isAmong = (etag: string, list: string) =>
  list.split(",").some((item) => item.trim() === "*" || item.trim().replace(/^W\//, "") === etag);

/** Passes a request and its answer on as they come. */
async function passOn(
  upstream: string,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method, url, rawHeaders } = incoming;
  const { hostname, port } = new URL(upstream);
  const onward = httpRequest({ method, hostname, port, path: url, headers: rawHeaders });
  const [[found]] = await Promise.all([once(onward, "response"), pipeline(incoming, onward)]);
  response.writeHead(found.statusCode, found.rawHeaders);
  await pipeline(found, response);
}

const refused = (cause: unknown): Reply => {
  const refusal =
    cause instanceof Refusal ? cause : new Refusal(500, "InternalError", String(cause));
  const body = Buffer.from(toXml(refusal));
  const headers = {
    "Content-Type": "application/xml; charset=UTF-8",
    "Content-Length": String(body.length),
  };
  return { status: refusal.status, headers, body };
};
