import type { BusboyFileStream } from "@fastify/busboy";
import { encodeKey } from "../signing/v4.ts";
import { chunksOf, timeoutsFor } from "./body.ts";
import type { Folder } from "./folder.ts";
import { objectPath, writeObject } from "./objects.ts";
import { type RefusalCode, Refused } from "./refusal.ts";
import { type ExpectedSignature, verifyForm } from "./verify.ts";

/** As Amazon allows for everything but the file, in bytes. */
const LONGEST_FIELDS = 20 * 1024;
/** In milliseconds. */
const FIELDS_TIMEOUT = 60_000;
const LIMITS = { fields: 32, parts: 40, files: 1, fieldSize: LONGEST_FIELDS, headerPairs: 8 };

/**
 * "POST Object", Amazon S3 API Reference. The form's policy counts, whatever the browser says of
 * the file.
 */
export async function postForm(
  store: ExpectedSignature & { readonly folder: Folder; readonly bucket: string },
  request: Request,
): Promise<Response> {
  const { folder, bucket } = store;
  const length = Number(request.headers.get("content-length"));
  const pieces = chunksOf(request.body, timeoutsFor(length));
  const { fields, file, stop } = await readForm(request.headers.get("content-type") ?? "", pieces);
  try {
    const { key, mediaType, min, max } = verifyForm(fields, store);
    if (length > max + 2 * LONGEST_FIELDS) throw new Refused("EntityTooLarge");
    const etag = await writeObject(folder, {
      path: () => objectPath(folder, `/${bucket}/${encodeKey(key)}`),
      mediaType,
      writeOnce: false,
      bytes: ofSize(file, min, max),
    });
    return created({ bucket, key, etag });
  } finally {
    await stop();
  }
}

async function* ofSize(bytes: AsyncIterable<Uint8Array>, min: number, max: number) {
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > max) throw new Refused("EntityTooLarge");
    yield chunk;
  }
  if (size < min) throw new Refused("EntityTooSmall");
}

/** Nothing in it needs to be escaped. */
const created = ({ bucket, key, etag }: Readonly<Record<"bucket" | "key" | "etag", string>>) =>
  new Response(
    `<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse><Bucket>${bucket}</Bucket><Key>${key}</Key><ETag>${etag}</ETag></PostResponse>\n`,
    {
      status: 201,
      headers: {
        "Content-Type": "application/xml",
        "X-Content-Type-Options": "nosniff",
        ETag: etag,
      },
    },
  );

interface ArrivedForm {
  /** The fields before the file, by their names in lower case. */
  readonly fields: ReadonlyMap<string, string>;
  /**
   * Ends once the whole form has arrived, and throws `Refused` if it does not. Fields after the
   * file are ignored, as S3 does.
   */
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
  let file: BusboyFileStream | undefined;
  let broken: Refused | undefined;
  let isOver = false;
  let resume: (() => void) | undefined;
  const breakOff = (code: RefusalCode) => {
    broken ??= new Refused(code);
    isOver = true;
    started.resolve();
    file?.destroy(broken);
    resume?.();
  };
  const refuseFields = () => file ?? breakOff("MalformedPOSTRequest");
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
  parser.on("drain", () => resume?.());
  parser.on("error", () => breakOff("MalformedPOSTRequest"));
  parser.on("finish", () => {
    if (file === undefined) breakOff("IncorrectNumberOfFilesInPostRequest");
    isOver = true;
    resume?.();
  });

  const feed = async () => {
    let size = 0;
    try {
      for await (const piece of pieces) {
        if (file === undefined && size > LONGEST_FIELDS) breakOff("MalformedPOSTRequest");
        if (isOver) return;
        size += piece.length;
        if (!parser.write(piece) && !isOver)
          await new Promise<void>((resolve) => (resume = resolve));
      }
    } catch (cause) {
      return breakOff(cause instanceof Refused ? cause.code : "IncompleteBody");
    }
    if (isOver) return;
    const finished = new Promise<void>((resolve) => (resume = resolve));
    parser.end();
    await finished;
  };
  const fed = feed();
  const timer = setTimeout(() => breakOff("RequestTimeout"), FIELDS_TIMEOUT);
  await started.promise;
  clearTimeout(timer);

  async function* bytes(stream: BusboyFileStream) {
    // The parser would wait forever for a stream that its reader has destroyed.
    yield* stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    await fed;
    if (broken !== undefined) throw broken;
  }
  const stop = async () => {
    isOver = true;
    file?.resume();
    resume?.();
    await fed;
  };
  if (broken === undefined && file !== undefined) {
    return { fields: new Map(fields), file: bytes(file), stop };
  }
  await stop();
  throw broken ?? new Refused("MalformedPOSTRequest");
}
