// The multipart uploads of Google Cloud Storage's XML API, which fake-gcs-server does not have. A
// part of the tests' double in store.ts, written from Google's documentation: "XML API
// multipart uploads", "Initiate", "Upload a part", "List parts", "List uploads", "Complete" and "Abort". Google does
// not document by which codes it refuses a completion; those of Amazon S3 stand here.
import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { Refusal, type WireRequest } from "./signature.ts";

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface Resource {
  readonly bucket: string;
  /** Empty for the bucket itself. */
  readonly object: string;
}

interface Upload extends Resource {
  readonly contentType: string;
  readonly begun: string;
  readonly parts: Map<number, { readonly etag: string; readonly body: Buffer }>;
  /** By the first of several requests that complete it at once. */
  completion?: Promise<void> | undefined;
}

/** Answers all requests for multipart uploads, whose parts it keeps in memory. */
export function gcsMultipart(store: {
  readonly bodyOf: (request: WireRequest, incoming: IncomingMessage) => Promise<Buffer>;
  readonly insert: (
    resource: Resource,
    headers: Readonly<Record<string, string>>,
    body: Buffer,
  ) => Promise<void>;
}) {
  const uploads = new Map<string, Upload>();
  return async (
    request: WireRequest,
    resource: Resource,
    incoming: IncomingMessage,
  ): Promise<Reply> => {
    const { method, query, headers } = request;
    if ([...headers.keys()].some((name) => PRECONDITION.test(name))) {
      throw new Refusal(400, "NotImplemented", "A multipart upload has no preconditions.");
    }
    if (method === "POST" && query.has("uploads")) {
      const id = randomUUID();
      const [contentType = "application/octet-stream"] = headers.get("content-type") ?? [];
      const begun = new Date().toISOString();
      uploads.set(id, { ...resource, contentType, begun, parts: new Map() });
      return xml("InitiateMultipartUploadResult", `<UploadId>${id}</UploadId>`);
    }
    if (method === "GET" && query.has("uploads")) {
      const prefix = query.get("prefix")?.value ?? "";
      const open = [...uploads].filter(
        ([, { bucket, object }]) => bucket === resource.bucket && object.startsWith(prefix),
      );
      const listed = open.map(
        ([id, { object, begun }]) =>
          `<Upload><Key>${object}</Key><UploadId>${id}</UploadId><Initiated>${begun}</Initiated></Upload>`,
      );
      return xml("ListMultipartUploadsResult", listed.join(""));
    }
    const id = query.get("uploadid")?.value ?? "";
    const upload = uploads.get(id);
    if (upload?.bucket !== resource.bucket || upload.object !== resource.object) {
      throw ended();
    }
    switch (method) {
      case "PUT": {
        const number = numberIn(query.get("partnumber")?.value);
        const body = await store.bodyOf(request, incoming);
        const etag = `"${createHash("md5").update(body).digest("hex")}"`;
        // The upload may have ended while the part arrived.
        if (!uploads.has(id)) throw ended();
        upload.parts.set(number, { etag, body });
        return { status: 200, headers: { ETag: etag } };
      }
      case "GET":
        return list(upload);
      case "POST": {
        const bodies = chosen(upload, await text(incoming));
        if (!uploads.has(id)) throw ended();
        if (upload.completion !== undefined) {
          await upload.completion;
          throw ended();
        }
        const type = { "content-type": upload.contentType };
        // As in any store, the upload ends once its object is there, and not before.
        upload.completion = store.insert(upload, type, Buffer.concat(bodies)).then(
          () => void uploads.delete(id),
          (cause: unknown) => {
            upload.completion = undefined;
            throw cause;
          },
        );
        await upload.completion;
        return xml("CompleteMultipartUploadResult", `<ETag>"-${id}"</ETag>`);
      }
      case "DELETE":
        await upload.completion?.catch(() => undefined);
        uploads.delete(id);
        return { status: 204, headers: {} };
      default:
        throw new Refusal(405, "MethodNotAllowed", "Multipart uploads have no such method.");
    }
  };
}

const ended = () => new Refusal(404, "NoSuchUpload", "There is no such multipart upload.");
const PRECONDITION = /^(?:x-goog-if-|if-)/;
const SMALLEST_PART = 5 * 2 ** 20;

function numberIn(value = ""): number {
  const number = /^[1-9]\d*$/.test(value) ? Number(value) : 0;
  if (number >= 1 && number <= 10_000) return number;
  throw new Refusal(400, "InvalidArgument", "A part number is from 1 to 10000.");
}

/** In one page, since no test sends a thousand. */
function list({ parts }: Upload): Reply {
  const items = [...parts]
    .toSorted(([a], [b]) => a - b)
    .map(
      ([number, { etag, body }]) =>
        `<Part><PartNumber>${number}</PartNumber><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>${etag.replaceAll('"', "&quot;")}</ETag><Size>${body.length}</Size></Part>`,
    );
  return xml("ListPartsResult", `<IsTruncated>false</IsTruncated>${items.join("")}`);
}

/** The bytes of the parts that a completion names. */
function chosen({ parts }: Upload, body: string): ReadonlyArray<Buffer> {
  const named = body.match(/<Part>.*?<\/Part>/gs) ?? [];
  let last = 0;
  return named.map((item, index) => {
    const number = Number(/<PartNumber>(\d+)<\/PartNumber>/.exec(item)?.[1]);
    const etag = /<ETag>(.*?)<\/ETag>/.exec(item)?.[1]?.replaceAll("&quot;", '"');
    const part = parts.get(number);
    if (part?.etag !== etag || part === undefined) {
      throw new Refusal(400, "InvalidPart", "There is no such part.");
    }
    if (number <= last) throw new Refusal(400, "InvalidPartOrder", "Parts ascend.");
    if (part.body.length < SMALLEST_PART && index < named.length - 1) {
      throw new Refusal(400, "EntityTooSmall", "All parts but the last have at least 5 MiB.");
    }
    last = number;
    return part.body;
  });
}

const xml = (name: string, inner: string): Reply => ({
  status: 200,
  headers: { "Content-Type": "application/xml; charset=UTF-8" },
  body: Buffer.from(
    `<?xml version='1.0' encoding='UTF-8'?><${name} xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>${inner}</${name}>`,
  ),
});
