import * as Result from "effect/Result";
import {
  BodyEncoded,
  BodyNotJson,
  BodyTooLarge,
  InvalidBody,
  RequestTimeout,
} from "../problems/refusals.ts";

/** Largest JSON body where its route sets no other limit, in bytes. */
const JSON_LIMIT = 16 * 1024;
const JSON_SECONDS = 10;

export type UnreadBody = BodyNotJson | BodyEncoded | BodyTooLarge | RequestTimeout | InvalidBody;

/**
 * Reads a JSON body of at most `limit` bytes that arrives within 10 seconds. Fails with
 * `BodyNotJson` for another media type, `BodyEncoded`, `BodyTooLarge`, `RequestTimeout`, or
 * `InvalidBody` for malformed JSON. The media type counts only if the body `isTyped`. A promise and
 * not an Effect: resuming a fiber costs more than all the rest.
 */
export async function readJson(
  request: Request,
  limit = JSON_LIMIT,
  { isTyped = true } = {},
): Promise<Result.Result<unknown, UnreadBody>> {
  const type = request.headers.get("content-type") ?? "";
  if (isTyped && !JSON_TYPE.test(type)) return Result.fail(new BodyNotJson());
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity" || hasOtherCharset(type)) {
    return Result.fail(new BodyEncoded());
  }
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > limit) return tooLarge(limit);
  try {
    // Without a length the body is counted as it arrives; otherwise the server ends it there.
    const bytes = await withinTime<ArrayBuffer | Uint8Array | undefined>(
      length === null ? readCounted(request, limit) : request.arrayBuffer(),
    );
    return bytes === undefined
      ? tooLarge(limit)
      : Result.succeed(JSON.parse(decoder.decode(bytes)));
  } catch (cause) {
    return cause instanceof RequestTimeout ? Result.fail(cause) : MALFORMED;
  }
}

const JSON_TYPE = /^application\/json[\t ]*(?:;|$)/i;
const CHARSET = /charset/i;
const UTF_8 = /;[\t ]*charset=(?:"utf-?8"|utf-?8)[\t ]*(?=;|$)/gi;
const tooLarge = (limit: number) => Result.fail(new BodyTooLarge({ limit }));
const MALFORMED = Result.fail(
  new InvalidBody({ errors: [{ pointer: "", reason: "it is not well-formed JSON in UTF-8" }] }),
);
const decoder = new TextDecoder("utf-8", { fatal: true });

const hasOtherCharset = (type: string) =>
  CHARSET.test(type) && CHARSET.test(type.replaceAll(UTF_8, ""));

/** Fails with `RequestTimeout` for a body that takes longer, by up to a second more. */
async function withinTime<A>(body: Promise<A>): Promise<A> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const wait = {
    seconds: 0,
    giveUp: () => reject(new RequestTimeout({ seconds: JSON_SECONDS })),
  };
  awaited.add(wait);
  clock ??= setInterval(countSeconds, 1000);
  try {
    return await Promise.race([body, tooLate]);
  } finally {
    awaited.delete(wait);
  }
}

/**
 * The bodies being read. One timer serves all, since a timer for each costs more. On Workers it
 * ends with the request that started it; there the platform limits slow bodies.
 */
const awaited = new Set<{ seconds: number; readonly giveUp: () => void }>();
let clock: ReturnType<typeof setInterval> | undefined;

function countSeconds(): void {
  for (const wait of awaited) if (wait.seconds++ >= JSON_SECONDS) wait.giveUp();
  if (awaited.size > 0) return;
  clearInterval(clock);
  clock = undefined;
}

/** Reads a body; undefined above the limit. */
async function readCounted(request: Request, limit: number): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(limit);
  let size = 0;
  for await (const chunk of request.body ?? []) {
    if (size + chunk.length > limit) return undefined;
    bytes.set(chunk, size);
    size += chunk.length;
  }
  return bytes.subarray(0, size);
}

const DISCARD_LIMIT = 1024 * 1024;
const DISCARD_SECONDS = 5;

/**
 * Discards the rest of a refused request's body, up to 1 MiB and 5 seconds, so that the refusal
 * reaches a client that is still sending. False if there is more: the answer then has `Connection:
 * close`, and Node closes the connection at once.
 */
export async function discardBody(request: Request): Promise<boolean> {
  if (request.method === "GET" || request.method === "HEAD") return true;
  // The client waits for `100 Continue` before it sends the body, and reading would send that.
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
