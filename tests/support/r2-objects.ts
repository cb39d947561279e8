// A part of the double of R2 in r2-double.ts: its objects, and their uploads in parts.
import { createCRC32 } from "hash-wasm";
import { hash, randomUUID } from "node:crypto";
import { crc32 } from "node:zlib";
import {
  type Asked,
  type Bucket,
  element,
  elements,
  escape,
  notImplemented,
  page,
  type Part,
  type R2Promise,
  Refusal,
  type Reply,
  type Stored,
  textIn,
  type Upload,
  xml,
} from "./r2-request.ts";

const failed = () => new Refusal(412, "PreconditionFailed");

export interface OfObject extends Asked {
  readonly name: string;
  readonly key: string;
  readonly bucket: Bucket;
}

/** By method and the parameters that say what is asked for. */
export const OPERATIONS: Readonly<Record<string, (asked: OfObject) => Reply>> = {
  "PUT ": (asked) => (asked.headers["x-amz-copy-source"] === undefined ? put(asked) : copy(asked)),
  "GET ": read,
  "HEAD ": read,
  "DELETE ": ({ bucket, key }) => {
    bucket.objects.delete(key);
    return { status: 204 };
  },
  "POST uploads": ({ bucket, name, key, headers }) => {
    // Of a whole object in parts, only CRC-64/NVME, which is not done here.
    if (headers["x-amz-checksum-type"] === "FULL_OBJECT") throw notImplemented("FULL_OBJECT");
    const uploadId = randomUUID();
    const upload = { key, headers: metadataIn(headers), initiated: new Date(), parts: new Map() };
    bucket.uploads.set(uploadId, upload);
    return xml(
      elements("InitiateMultipartUploadResult", { Bucket: name, Key: key, UploadId: uploadId }),
    );
  },
  "PUT partNumber,uploadId": (asked) => {
    const { parts } = uploadOf(asked);
    const number = Number(asked.query.get("partNumber"));
    if (!(number >= 1 && number <= 10_000)) throw new Refusal(400, "InvalidArgument");
    const isCopy = asked.headers["x-amz-copy-source"] !== undefined;
    const isLong = Object.keys(asked.headers).some((name) => name.startsWith("x-amz-checksum-sha"));
    if (isLong && asked.world.asSeen) throw notImplemented("A checksum of a part");
    const part = isCopy ? copiedPart(asked) : stored(asked);
    parts.set(number, part);
    if (!isCopy) return { status: 200, headers: { ETag: part.etag } };
    const facts = { ETag: part.etag, LastModified: part.modified.toISOString() };
    return xml(elements("CopyPartResult", facts));
  },
  "GET uploadId": (asked) => {
    const after = Number(asked.query.get("part-number-marker") ?? 0);
    const sorted = [...uploadOf(asked).parts].toSorted(([a], [b]) => a - b);
    const most = asked.query.get("max-parts");
    const { items, isTruncated } = page(sorted, most, ([number]) => number > after);
    const listed = items.map(([number, { body, etag, modified, checksums }]) =>
      elements("Part", {
        PartNumber: `${number}`,
        ETag: etag,
        Size: `${body.length}`,
        LastModified: modified.toISOString(),
        ...(checksums["crc32c"] && { ChecksumCRC32C: checksums["crc32c"] }),
      }),
    );
    const next = element("NextPartNumberMarker", `${items.at(-1)?.[0] ?? 0}`);
    const key = element("Key", escape(asked.key));
    return xml(element("ListPartsResult", key + isTruncated + next + listed.join("")));
  },
  "POST uploadId": complete,
  "DELETE uploadId": (asked) => {
    uploadOf(asked);
    asked.bucket.uploads.delete(asked.query.get("uploadId") ?? "");
    return { status: 204 };
  },
};

function uploadOf({ bucket, key, query }: OfObject): Upload {
  const upload = bucket.uploads.get(query.get("uploadId") ?? "");
  if (upload?.key !== key) throw new Refusal(404, "NoSuchUpload");
  return upload;
}

/** The headers that are kept with an object. */
const metadataIn = (headers: Asked["headers"]) =>
  Object.fromEntries([
    ["content-type", "application/octet-stream"],
    ...Object.entries(headers).filter(([name]) =>
      /^(?:cache-control|content-(?:disposition|encoding|language|type)|expires|x-amz-meta-.*|x-amz-storage-class)$/.test(
        name,
      ),
    ),
  ]);

const castagnoli = await createCRC32(0x82f63b78);
const CHECKSUMS: Readonly<Record<string, (body: Buffer) => string>> = {
  crc32: (body) => base64(crc32(body).toString(16).padStart(8, "0")),
  crc32c: (body) => base64(castagnoli.init().update(body).digest()),
  sha1: (body) => hash("sha1", body, "base64"),
  sha256: (body) => hash("sha256", body, "base64"),
};
const base64 = (hex: string) => Buffer.from(hex, "hex").toString("base64");

/** What becomes of a body, if it has the checksums that the headers say. */
function stored({ headers, body, keeps }: Asked): Part {
  const checksums: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const isMd5 = name === "content-md5";
    const [, algorithm = isMd5 ? "md5" : ""] = /^x-amz-checksum-(\w+)$/.exec(name) ?? [];
    if (algorithm === "" || ["algorithm", "type", "mode"].includes(algorithm)) continue;
    const compute = isMd5 ? md5 : CHECKSUMS[algorithm];
    if (compute === undefined) throw notImplemented(`Header '${name}'`);
    const right = compute(body);
    if (value.length !== right.length) throw new Refusal(400, "InvalidDigest");
    if (value !== right && keeps(algorithm as R2Promise)) throw new Refusal(400, "BadDigest");
    if (!isMd5) checksums[algorithm] = value;
  }
  return { body, checksums, modified: new Date(), etag: etagOf(body) };
}
const md5 = (body: Buffer) => hash("md5", body, "base64");
const etagOf = (body: Buffer) => `"${hash("md5", body, "hex")}"`;

/** "Conditional operations": each condition that is there has to be met. */
function meets(headers: Asked["headers"], object: Stored | undefined, prefix = ""): boolean {
  const named = (list: string) =>
    object !== undefined &&
    list.split(",").some((item) => ["*", object.etag, unquoted(object.etag)].includes(item.trim()));
  const since = (date: string) =>
    object !== undefined && Math.floor(+object.modified / 1000) > Date.parse(date) / 1000;
  const conditions: ReadonlyArray<[string, (value: string) => boolean]> = [
    ["if-match", named],
    ["if-none-match", (list) => !named(list)],
    ["if-modified-since", since],
    ["if-unmodified-since", (date) => !since(date)],
  ];
  return conditions.every(
    ([name, isMet]) => isMet(headers[prefix + name] ?? "") || !(prefix + name in headers),
  );
}
const unquoted = (etag: string) => etag.replaceAll('"', "");

const without = (headers: Asked["headers"], left: string) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name !== left));

function requireNoCondition({ headers, world }: OfObject): void {
  if (world.refusesConditions && "if-none-match" in headers) {
    throw notImplemented("Header 'If-None-Match'");
  }
}

function put(asked: OfObject): Reply {
  requireNoCondition(asked);
  const { headers, bucket, key, keeps } = asked;
  const conditions = keeps("if-none-match on put") ? headers : without(headers, "if-none-match");
  if (!meets(conditions, bucket.objects.get(key))) throw failed();
  const object = { ...stored(asked), headers: metadataIn(headers) };
  bucket.objects.set(key, object);
  return { status: 200, headers: { ETag: object.etag } };
}

function sourceOf({ headers, world, keeps }: Asked): Stored {
  const source = decodeURIComponent(headers["x-amz-copy-source"] ?? "").replace(/^\//, "");
  const [, name = "", key = ""] = /^([^/]+)\/(.+)$/s.exec(source) ?? [];
  const found = world.buckets.get(name)?.objects.get(key.normalize("NFC"));
  if (found === undefined) throw new Refusal(404, "NoSuchKey");
  const isMet = meets(headers, found, "x-amz-copy-source-");
  if (!isMet && keeps("copy-source-if-match")) throw failed();
  return found;
}

/** "Extensions": the destination has conditions of its own; plain ones are not looked at. */
function copy(asked: OfObject): Reply {
  const { headers, bucket, key } = asked;
  const source = sourceOf(asked);
  const isMet = meets(headers, bucket.objects.get(key), "cf-copy-destination-");
  if (!isMet) throw failed();
  const isReplaced = headers["x-amz-metadata-directive"] === "REPLACE";
  const kept = isReplaced ? metadataIn(headers) : source.headers;
  const object = { ...source, headers: kept, modified: new Date() };
  bucket.objects.set(key, object);
  const facts = { ETag: object.etag, LastModified: object.modified.toISOString() };
  return xml(elements("CopyObjectResult", facts));
}

function copiedPart(asked: OfObject): Part {
  const condition = Object.keys(asked.headers).find((name) =>
    name.startsWith("x-amz-copy-source-if"),
  );
  const isIgnored = !asked.keeps("copy-source-if-match");
  if (condition && !asked.world.asSeen && !isIgnored) {
    throw notImplemented(`Header '${condition}'`);
  }
  const { body } = sourceOf(asked);
  const range = asked.headers["x-amz-copy-source-range"];
  const piece = range === undefined ? body : sliced(body, range).piece;
  return { body: piece, checksums: {}, modified: new Date(), etag: etagOf(piece) };
}

function complete(asked: OfObject): Reply {
  const { bucket, key, name, headers, query, body, keeps } = asked;
  requireNoCondition(asked);
  const upload = uploadOf(asked);
  const named = [...body.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = ""]) => ({
    number: Number(textIn(part, "PartNumber")),
    etag: unquoted((textIn(part, "ETag") ?? "").replaceAll("&quot;", "")),
  }));
  // In any order (release notes, 2024-01-26).
  const parts = named
    .toSorted((a, b) => a.number - b.number)
    .map(({ number, etag }) => {
      const part = upload.parts.get(number);
      if (part === undefined || unquoted(part.etag) !== etag) throw new Refusal(400, "InvalidPart");
      return part;
    });
  const [first, last] = [parts[0], parts.at(-1)];
  if (first === undefined || last === undefined) throw new Refusal(400, "InvalidPart");
  const others = parts.slice(0, -1);
  const isEqual = others.every((part) => part.body.length === first.body.length);
  if (others.some((part) => part.body.length < 5 * 2 ** 20)) {
    throw new Refusal(400, "EntityTooSmall");
  }
  if (!(isEqual && last.body.length <= first.body.length)) {
    throw new Refusal(400, "InvalidPart", "All non-trailing parts must have the same length.");
  }
  // Whether a condition is met or not, the upload is over (release notes, 2023-08-11).
  bucket.uploads.delete(query.get("uploadId") ?? "");
  const isKept = keeps("if-none-match on complete");
  const conditions = isKept ? headers : without(headers, "if-none-match");
  if (!meets(conditions, bucket.objects.get(key))) throw failed();
  const whole = Buffer.concat(parts.map((part) => part.body));
  const ends = Buffer.from(parts.map(({ etag }) => unquoted(etag)).join(""), "hex");
  const etag = `"${hash("md5", ends, "hex")}-${parts.length}"`;
  bucket.objects.set(key, {
    body: whole,
    etag,
    modified: new Date(),
    checksums: {},
    headers: upload.headers,
  });
  return xml(elements("CompleteMultipartUploadResult", { Bucket: name, Key: key, ETag: etag }));
}

function read({ method, bucket, key, headers, query }: OfObject): Reply {
  const object = bucket.objects.get(key);
  if (object === undefined) throw new Refusal(404, "NoSuchKey");
  const { etag, modified, body, checksums } = object;
  const isKnown =
    headers["if-none-match"] !== undefined || headers["if-modified-since"] !== undefined;
  const asked = without(without(headers, "if-none-match"), "if-modified-since");
  if (!meets(asked, object)) throw failed();
  if (isKnown && !meets(headers, object)) return { status: 304, headers: { ETag: etag } };
  const overrides = [...query].flatMap(([name, value]) =>
    name.startsWith("response-") ? [[name.replace("response-", ""), value] as const] : [],
  );
  const { range } = headers;
  // Of the whole object, so not beside a part of it.
  const isShown = range === undefined && headers["x-amz-checksum-mode"] === "ENABLED";
  const shown = isShown ? Object.entries(checksums) : [];
  const { piece, from } = range === undefined ? { piece: body, from: 0 } : sliced(body, range);
  const part = range && {
    "content-range": `bytes ${from}-${from + piece.length - 1}/${body.length}`,
  };
  return {
    status: part ? 206 : 200,
    headers: {
      ...object.headers,
      ...Object.fromEntries(shown.map(([name, value]) => [`x-amz-checksum-${name}`, value])),
      ...Object.fromEntries(overrides),
      ...part,
      "accept-ranges": "bytes",
      "content-length": piece.length,
      etag,
      "last-modified": modified.toUTCString(),
    },
    ...(method === "GET" && { body: piece }),
  };
}

/** "bytes=1-2", "bytes=1-" or "bytes=-2" of a body. */
function sliced(body: Buffer, range: string) {
  const [, start = "", end = ""] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
  const from = start === "" ? Math.max(body.length - Number(end), 0) : Number(start);
  const to = start === "" || end === "" ? body.length : Math.min(Number(end) + 1, body.length);
  if (from >= to) throw new Refusal(416, "InvalidRange");
  return { from, piece: body.subarray(from, to) };
}
