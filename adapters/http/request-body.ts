import * as Result from "effect/Result";
import type { MiddlewareHandler } from "hono";
import type { HttpEnv } from "./env.ts";
import { BodyEncoded, BodyNotJson, BodyTooLarge, InvalidBody, RequestTimeout } from "./refusals.ts";

const JSON_LIMIT = 16 * 1024;
const JSON_SECONDS = 10;

/** Why a body could not be read. */
export type UnreadBody = BodyNotJson | BodyEncoded | BodyTooLarge | RequestTimeout | InvalidBody;

/**
 * Reads a JSON body of at most 16 KiB that arrives within 10 seconds. Fails with `BodyNotJson` for
 * another media type, `BodyEncoded`, `BodyTooLarge`, `RequestTimeout`, or `InvalidBody` for
 * malformed JSON. A promise and not an Effect: to resume a fiber costs more than all the rest.
 */
export async function readJson(request: Request): Promise<Result.Result<unknown, UnreadBody>> {
  const type = request.headers.get("content-type") ?? "";
  if (!JSON_TYPE.test(type)) return Result.fail(new BodyNotJson());
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity" || hasOtherCharset(type)) {
    return Result.fail(new BodyEncoded());
  }
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > JSON_LIMIT) return TOO_LARGE;
  try {
    // Without a length the body is counted as it arrives; with one the server ends it there.
    const bytes = await withinTime<ArrayBuffer | Uint8Array | undefined>(
      length === null ? readCounted(request) : request.arrayBuffer(),
    );
    return bytes === undefined ? TOO_LARGE : Result.succeed(JSON.parse(decoder.decode(bytes)));
  } catch (cause) {
    return cause instanceof RequestTimeout ? Result.fail(cause) : MALFORMED;
  }
}

const JSON_TYPE = /^application\/json[\t ]*(?:;|$)/i;
const UTF_8 = /;[\t ]*charset=(?:"utf-?8"|utf-?8)[\t ]*(?=;|$)/gi;
const TOO_LARGE = Result.fail(new BodyTooLarge({ limit: JSON_LIMIT }));
const MALFORMED = Result.fail(
  new InvalidBody({ faults: [{ pointer: "", reason: "it is not well-formed JSON in UTF-8" }] }),
);
const decoder = new TextDecoder("utf-8", { fatal: true });

const hasOtherCharset = (type: string) => /charset/i.test(type.replaceAll(UTF_8, ""));

async function withinTime<A>(body: Promise<A>): Promise<A> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new RequestTimeout({ seconds: JSON_SECONDS })),
      JSON_SECONDS * 1000,
    );
  });
  try {
    return await Promise.race([body, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Undefined for a body above the limit. */
async function readCounted(request: Request): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(JSON_LIMIT);
  let size = 0;
  for await (const chunk of request.body ?? []) {
    if (size + chunk.length > JSON_LIMIT) return undefined;
    bytes.set(chunk, size);
    size += chunk.length;
  }
  return bytes.subarray(0, size);
}

const DISCARD_LIMIT = 1024 * 1024;
const DISCARD_SECONDS = 5;

/**
 * Reads the rest of a refused request's body and discards it, up to 1 MiB and 5 seconds, so that
 * the refusal reaches a client that is still sending. If there is more, the answer has `Connection:
 * close`, and Node closes the connection at once.
 */
export const discardBody: MiddlewareHandler<HttpEnv> = async (c, next) => {
  await next();
  if (c.res.status < 400 || c.req.method === "GET" || c.req.method === "HEAD") return;
  if (!(await discard(c.req.raw))) c.header("Connection", "close");
};

/** Whether the whole body was read. */
async function discard(request: Request): Promise<boolean> {
  // The client waits for `100 Continue` before it sends the body, and to read it would send that.
  if (request.headers.has("expect") && !request.bodyUsed) return false;
  const { body } = request;
  if (body === null || body.locked) return true;
  const reader = body.getReader();
  const timer = setTimeout(
    () => void reader.cancel().catch(() => undefined),
    DISCARD_SECONDS * 1000,
  );
  try {
    for (let size = 0; size <= DISCARD_LIMIT;) {
      const { done, value } = await reader.read();
      if (done) return true;
      size += value.length;
    }
    return false;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
