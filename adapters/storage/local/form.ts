import type { BusboyFileStream } from "@fastify/busboy";
import { Readable } from "node:stream";
import { element } from "../rest/xml.ts";
import { ANNOUNCEMENT } from "../signing/binding.ts";
import { encodeKey } from "../signing/v4.ts";
import type { OnAnnounced } from "../storage.ts";
import { readChunks, timeoutsFor } from "./body.ts";
import type { Folder } from "./folder.ts";
import { objectPath, writeObject } from "./objects.ts";
import { Refused, xmlAnswer } from "./refusal.ts";
import { type ExpectedSignature, verifyForm } from "./verify.ts";

/** As Amazon allows for everything but the file, in bytes. */
const LONGEST_FIELDS = 20 * 1024;
/** In milliseconds. */
const FIELDS_TIMEOUT = 60_000;
const LIMITS = { fields: 32, parts: 40, files: 1, fieldSize: LONGEST_FIELDS, headerPairs: 8 };

/** "POST Object", Amazon S3 API Reference. */
export async function postForm(
  store: ExpectedSignature & {
    readonly folder: Folder;
    readonly bucket: string;
    readonly onAnnounced?: OnAnnounced | undefined;
  },
  request: Request,
): Promise<Response> {
  const { folder, bucket } = store;
  const length = Number(request.headers.get("content-length"));
  const pieces = readChunks(request.body, timeoutsFor(length));
  const { fields, file, stop } = await readForm(request.headers.get("content-type") ?? "", pieces);
  try {
    const { key, mediaType, min, max } = verifyForm(fields, store);
    if (length > max + 2 * LONGEST_FIELDS) throw new Refused("EntityTooLarge");
    const announcement = fields.get(ANNOUNCEMENT);
    const stored = `/${bucket}/${encodeKey(key)}`;
    const etag = await writeObject(folder, {
      path: () => objectPath(folder, stored),
      mediaType,
      announcement,
      writeOnce: false,
      bytes: withinSizes(file, min, max),
    });
    if (announcement !== undefined) await store.onAnnounced?.(key);
    const location = element("Bucket", bucket) + element("Key", key) + element("ETag", etag);
    // As S3 answers under `success_action_status: 201`.
    const headers = { "X-Content-Type-Options": "nosniff", ETag: etag };
    return xmlAnswer(201, element("PostResponse", location), headers);
  } finally {
    await stop();
  }
}

async function* withinSizes(bytes: AsyncIterable<Uint8Array>, min: number, max: number) {
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > max) throw new Refused("EntityTooLarge");
    yield chunk;
  }
  if (size < min) throw new Refused("EntityTooSmall");
}

interface ArrivedForm {
  /** The fields before the file, by their names in lower case. */
  readonly fields: ReadonlyMap<string, string>;
  /** Ends once the whole form has arrived; fields after the file are ignored, as S3 does. */
  readonly file: AsyncIterable<Uint8Array>;
  /** Stops reading, and gives the body back to whoever reads the rest. */
  readonly stop: () => Promise<void>;
}

/** Reads a form (`multipart/form-data`, RFC 7578) piece by piece, first up to its file. */
async function readForm(
  contentType: string,
  pieces: AsyncIterable<Uint8Array>,
): Promise<ArrivedForm> {
  if (!/^multipart\/form-data[\t ]*;/i.test(contentType)) throw new Refused("NotAForm");
  const { Busboy } = await import("@fastify/busboy");
  let parser: InstanceType<typeof Busboy>;
  try {
    parser = new Busboy({
      headers: { "content-type": contentType },
      limits: LIMITS,
      isPartAFile: (name) => name === "file",
    });
  } catch {
    throw new Refused("MalformedPOSTRequest");
  }
  const fields = new Map<string, string>();
  const started = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let file: BusboyFileStream | undefined;
  let broken: Refused | undefined;
  const source = Readable.from(limited(), { highWaterMark: 1 });
  const closed = new Promise<void>((resolve) => source.once("close", resolve));
  const breakOff = (cause: unknown) => {
    broken ??= cause instanceof Refused ? cause : new Refused("IncompleteBody");
    started.resolve();
    ended.resolve();
    file?.destroy(broken);
    source.destroy();
  };
  const refuseFields = () => file ?? breakOff(new Refused("MalformedPOSTRequest"));
  async function* limited() {
    let size = 0;
    for await (const piece of pieces) {
      if (file === undefined && size > LONGEST_FIELDS) throw new Refused("MalformedPOSTRequest");
      size += piece.length;
      yield piece;
    }
  }
  parser.on("fieldsLimit", refuseFields);
  parser.on("partsLimit", refuseFields);
  parser.on("field", (name, value, isNameCut, isValueCut) => {
    // A part can be without a name.
    const known = String(name).toLowerCase();
    if (isNameCut || isValueCut || fields.has(known)) refuseFields();
    else if (file === undefined) fields.set(known, value);
  });
  parser.on("file", (_, stream) => {
    file = stream;
    // It can break before its bytes are asked for.
    stream.on("error", () => undefined);
    started.resolve();
  });
  parser.on("error", () => breakOff(new Refused("MalformedPOSTRequest")));
  parser.on("finish", () => {
    if (file === undefined) breakOff(new Refused("IncorrectNumberOfFilesInPostRequest"));
    ended.resolve();
  });
  source.on("error", breakOff).pipe(parser);
  const timer = setTimeout(() => breakOff(new Refused("RequestTimeout")), FIELDS_TIMEOUT);
  await started.promise;
  clearTimeout(timer);

  async function* bytes(stream: BusboyFileStream) {
    // The parser would wait forever for a stream that its reader has destroyed.
    yield* stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    await ended.promise;
    if (broken !== undefined) throw broken;
  }
  const stop = async () => {
    file?.resume();
    source.destroy();
    await closed;
  };
  if (broken === undefined && file !== undefined) {
    return { fields: new Map(fields), file: bytes(file), stop };
  }
  await stop();
  throw broken ?? new Refused("MalformedPOSTRequest");
}
