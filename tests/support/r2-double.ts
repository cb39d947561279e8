// A double of Cloudflare R2, of which no test has an account: what its pages say, and not what it
// does. It is written from "S3 API compatibility", "Extensions", "Conditional operations", "Error
// codes", "Limits", "Multipart upload", "Object lifecycles", "Presigned URLs" and the release notes
// of R2 (developers.cloudflare.com/r2), in copies of 2026. Where they say nothing, it does as Amazon's
// pages say: of `response-*`, of headers that were not signed, and of checksums in an answer to HEAD.
import { hash } from "node:crypto";
import { type IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { OPERATIONS } from "./r2-objects.ts";
import {
  type Asked,
  type Bucket,
  element,
  elements,
  escape,
  notImplemented,
  page,
  type R2Options,
  R2_REGIONS,
  type R2Promise,
  Refusal,
  type Reply,
  textIn,
  verify,
  type World,
  xml,
} from "./r2-request.ts";
import { listen } from "./serve.ts";

export { R2_KEY, type R2Options, type R2Promise } from "./r2-request.ts";

/** Listens on 127.0.0.1, in the path style. */
export async function startR2(options: R2Options = {}) {
  const buckets = new Map<string, Bucket>();
  const { url, close } = await listen((incoming, response) => {
    const answer = async () => {
      const reply = await decide({ ...options, buckets }, incoming).catch(refused);
      // The client is heard out, so that it reads the answer.
      incoming.resume();
      const { status, headers, body = "" } = reply;
      response.writeHead(status, { Server: "cloudflare", ...headers });
      response.end(incoming.method === "HEAD" ? "" : body);
    };
    answer().catch(() => response.destroy());
  });
  return { endpoint: url.origin, buckets, close };
}

const refused = (cause: unknown): Reply => {
  const { status, code, message } =
    cause instanceof Refusal ? cause : new Refusal(500, "InternalError", String(cause));
  const content = element("Code", code) + element("Message", escape(message));
  return xml(element("Error", content), status);
};

async function decide(world: World, incoming: IncomingMessage): Promise<Reply> {
  const { method = "", url = "" } = incoming;
  const { pathname, searchParams } = new URL(url, "http://r2");
  const path = url.replace(/\?.*$/s, "");
  if (pathname.length !== path.length) throw new Refusal(400, "InvalidObjectName");
  const query = new Map(searchParams);
  if (query.size !== searchParams.size) throw new Refusal(400, "InvalidArgument");
  const headers = Object.fromEntries(
    Object.entries(incoming.headersDistinct).map(([name, values]) => [
      name,
      values?.join(",") ?? "",
    ]),
  );
  const keeps = (promise: R2Promise) => world.without !== promise;
  const unread = { method, path, query, headers, world, keeps, body: Buffer.alloc(0) };
  await verify(unread);
  if (method === "PUT" && !("content-length" in headers)) {
    throw new Refusal(411, "MissingContentLength");
  }
  const asked = { ...unread, body: await buffer(incoming) };
  const sent = headers["x-amz-content-sha256"] ?? "UNSIGNED-PAYLOAD";
  if (sent.startsWith("STREAMING-")) throw notImplemented(sent);
  if (sent !== "UNSIGNED-PAYLOAD" && sent !== hash("sha256", asked.body, "hex")) {
    throw new Refusal(400, "BadDigest");
  }
  const lacking = Object.keys(headers).find((name) => NOT_IMPLEMENTED.test(name));
  // "x-amz-acl: public-read" is accepted, and nothing is done with it (release notes, 2022-11-30).
  if (lacking && headers[lacking] !== "public-read") throw notImplemented(`Header '${lacking}'`);
  const { "x-amz-storage-class": storage = "STANDARD" } = headers;
  if (!/^STANDARD(?:_IA)?$/.test(storage)) throw notImplemented("Header 'x-amz-storage-class'");
  const [, name = "", rest = ""] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  // "Unicode interoperability": keys are kept in normalization form C.
  const key = decodeURIComponent(rest).normalize("NFC");
  if (Buffer.byteLength(key) > 1024) throw new Refusal(400, "InvalidObjectName");
  const bucket = world.buckets.get(name);
  if (key === "") return ofBucket(asked, name, bucket);
  if (bucket === undefined) throw new Refusal(404, "NoSuchBucket");
  const operation = `${method} ${[...query.keys()].filter((name) => !FURTHER.test(name)).toSorted()}`;
  const run = OPERATIONS[operation];
  if (run === undefined) throw notImplemented(operation);
  return run({ ...asked, name, key, bucket });
}

/** Parameters that do not make another operation of a request. */
const FURTHER = /^(?:x-amz-.*|x-id|response-.*|max-parts|part-number-marker)$/i;

/** Of the headers of S3, those that "S3 API compatibility" has as not implemented; SSE-C is not done here. */
const NOT_IMPLEMENTED =
  /^x-amz-(?:acl|bucket-object-lock-enabled|expected-bucket-owner|grant-.*|object-lock-.*|request-payer|server-side-.*|source-expected-bucket-owner|tagging.*|website-redirect-location)$/;

function ofBucket(asked: Asked, name: string, bucket: Bucket | undefined): Reply {
  const { method, query, body, world } = asked;
  const [what = ""] = [...query.keys()].filter((name) => !FURTHER.test(name)).toSorted();
  const place = textIn(body.toString(), "LocationConstraint") ?? "auto";
  if (`${method} ${what}` === "PUT ") {
    if (!/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(name)) {
      throw new Refusal(400, "InvalidBucketName");
    }
    if (bucket !== undefined) throw new Refusal(409, "BucketConflict");
    if (!R2_REGIONS.has(place)) throw new Refusal(400, "InvalidLocationConstraint");
    const documents = new Map([["lifecycle", DEFAULT_LIFECYCLE]]);
    world.buckets.set(name, { objects: new Map(), uploads: new Map(), documents });
    return { status: 200 };
  }
  if (bucket === undefined) throw new Refusal(404, "NoSuchBucket");
  const document = bucket.documents.get(what);
  switch (`${method} ${what}`) {
    case "HEAD ":
      return { status: 200, headers: { "x-amz-bucket-region": "auto" } };
    case "DELETE ":
      if (bucket.objects.size > 0) throw new Refusal(409, "BucketNotEmpty");
      world.buckets.delete(name);
      return { status: 204 };
    case "GET location":
      return xml(element("LocationConstraint", "auto"));
    // An empty answer, and no versions (release notes, 2022-07-20).
    case "GET versioning":
      return xml(element("VersioningConfiguration", ""));
    case "GET cors":
      if (document === undefined) throw new Refusal(404, "NoSuchCORSConfiguration");
      return xml(document);
    case "GET lifecycle":
      if (document === undefined) throw new Refusal(404, "NoSuchLifecycleConfiguration");
      return xml(document);
    case "PUT cors":
    case "PUT lifecycle":
      bucket.documents.set(what, body.toString());
      return { status: 200 };
    case "DELETE cors":
    case "DELETE lifecycle":
      bucket.documents.delete(what);
      return { status: 204 };
    default:
      if (method === "GET" && isListing(query)) return listObjects(bucket, query);
      if (method === "GET" && query.has("uploads")) return listUploads(bucket, query);
      throw notImplemented(`${method} ${what} of a bucket`);
  }
}

/** "Object lifecycles": each bucket has it from its start. */
const DEFAULT_LIFECYCLE =
  "<LifecycleConfiguration><Rule><ID>Default Multipart Abort Rule</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>";

type Query = Asked["query"];

/** "ListObjects" and "ListObjectsV2", without a delimiter or a type of encoding. */
const isListing = (query: Query) =>
  [...query.keys()].every((name) => FURTHER.test(name) || LISTING.has(name));
const AFTER = ["continuation-token", "start-after", "marker"];
const LISTING = new Set([...AFTER, "list-type", "prefix", "max-keys", "fetch-owner"]);

function listObjects({ objects }: Bucket, query: Query): Reply {
  const prefix = query.get("prefix") ?? "";
  const [after = ""] = AFTER.flatMap((name) => query.get(name) ?? []);
  const sorted = [...objects].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const { items, isTruncated } = page(
    sorted,
    query.get("max-keys"),
    ([key]) => key.startsWith(prefix) && key > after,
  );
  const contents = items.map(([key, { etag, modified, body }]) =>
    elements("Contents", {
      Key: key,
      LastModified: modified.toISOString(),
      ETag: etag,
      Size: `${body.length}`,
    }),
  );
  const next = items.at(-1)?.[0] ?? "";
  const token = isTruncated.includes("true") ? element("NextContinuationToken", escape(next)) : "";
  return xml(element("ListBucketResult", isTruncated + token + contents.join("")));
}

function listUploads({ uploads }: Bucket, query: Query): Reply {
  const [prefix, marker, id] = ["prefix", "key-marker", "upload-id-marker"].map((name) =>
    query.get(name),
  );
  const sorted = [...uploads].toSorted(([a, { key: k }], [b, { key: l }]) =>
    `${k} ${a}` < `${l} ${b}` ? -1 : 1,
  );
  const { items, isTruncated } = page(sorted, query.get("max-uploads"), ([uploadId, { key }]) => {
    const isAfter = key > (marker ?? "") || (key === marker && uploadId > (id ?? "~"));
    return key.startsWith(prefix ?? "") && isAfter;
  });
  const found = items.map(([uploadId, { key, initiated }]) =>
    elements("Upload", { Key: key, UploadId: uploadId, Initiated: initiated.toISOString() }),
  );
  return xml(element("ListMultipartUploadsResult", isTruncated + found.join("")));
}
