import type { BusboyFileStream } from "@fastify/busboy";
import * as Result from "effect/Result";
import { BodyBroken } from "./body.ts";
import type { RefusalCode } from "./refusal.ts";

/** A form that arrived up to its file. */
export interface ArrivedForm {
  /** The fields before the file, by their names in lower case. */
  readonly fields: ReadonlyMap<string, string>;
  /**
   * The bytes of the file. They end once the whole form has arrived, and throw `BodyBroken` if it
   * does not. Fields after the file are ignored, as S3 does.
   */
  readonly file: AsyncIterable<Uint8Array>;
  /** Stops reading, and gives the body back to whoever reads the rest. */
  readonly stop: () => Promise<void>;
}

/** As Amazon allows for everything but the file, in bytes. */
export const LONGEST_FIELDS = 20 * 1024;
/** How long the fields may take, in milliseconds. */
const FIELDS_TIMEOUT = 60_000;
const LIMITS = { fields: 32, parts: 40, files: 1, fieldSize: LONGEST_FIELDS, headerPairs: 8 };

/** Reads a form (`multipart/form-data`, RFC 7578) piece by piece, first up to its file. */
export async function readForm(
  contentType: string,
  pieces: AsyncIterable<Uint8Array>,
): Promise<Result.Result<ArrivedForm, RefusalCode>> {
  if (!/^multipart\/form-data[\t ]*;/i.test(contentType)) return Result.fail("NotAForm");
  const { Busboy } = await import("@fastify/busboy");
  let parser: InstanceType<typeof Busboy>;
  try {
    parser = new Busboy({
      headers: { "content-type": contentType },
      limits: LIMITS,
      isPartAFile: (name) => name === "file",
    });
  } catch {
    return Result.fail("MalformedPOSTRequest");
  }
  const fields = new Map<string, string>();
  const started = Promise.withResolvers<RefusalCode | undefined>();
  let file: BusboyFileStream | undefined;
  let broken: RefusalCode | undefined;
  let isOver = false;
  /** Ends the wait until the parser takes more. */
  let goOn: (() => void) | undefined;
  const breakOff = (code: RefusalCode) => {
    broken ??= code;
    isOver = true;
    started.resolve(code);
    file?.destroy(new BodyBroken(code));
    goOn?.();
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
    started.resolve(undefined);
  });
  parser.on("drain", () => goOn?.());
  parser.on("error", () => breakOff("MalformedPOSTRequest"));
  parser.on("finish", () => {
    if (file === undefined) breakOff("IncorrectNumberOfFilesInPostRequest");
    isOver = true;
    goOn?.();
  });

  const feed = async () => {
    let size = 0;
    try {
      for await (const piece of pieces) {
        if (file === undefined && size > LONGEST_FIELDS) breakOff("MalformedPOSTRequest");
        if (isOver) return;
        size += piece.length;
        if (!parser.write(piece) && !isOver) await new Promise<void>((resolve) => (goOn = resolve));
      }
    } catch (cause) {
      return breakOff(cause instanceof BodyBroken ? cause.code : "IncompleteBody");
    }
    if (isOver) return;
    const finished = new Promise<void>((resolve) => (goOn = resolve));
    parser.end();
    await finished;
  };
  const fed = feed();
  const timer = setTimeout(() => breakOff("RequestTimeout"), FIELDS_TIMEOUT);
  const refused = await started.promise;
  clearTimeout(timer);

  async function* bytes(stream: BusboyFileStream) {
    // Not destroyed by a reader that stops, since the parser would wait for it for ever.
    yield* stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    await fed;
    if (broken !== undefined) throw new BodyBroken(broken);
  }
  const stop = async () => {
    isOver = true;
    file?.resume();
    goOn?.();
    await fed;
  };
  if (refused === undefined && file !== undefined) {
    return Result.succeed({ fields: new Map(fields), file: bytes(file), stop });
  }
  await stop();
  return Result.fail(refused ?? "MalformedPOSTRequest");
}
