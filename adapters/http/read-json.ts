import * as Effect from "effect/Effect";
import { BodyNotJson, BodyTooLarge, InvalidBody, RequestTimeout } from "./refusals.ts";

const LIMIT = 16 * 1024;
const SECONDS = 10;

/**
 * Reads a JSON body of at most 16 KiB that arrives within 10 seconds. Fails with `BodyNotJson`
 * for another media type, `BodyTooLarge`, `RequestTimeout`, or `InvalidBody` for malformed JSON.
 */
export function readJson(
  request: Request,
): Effect.Effect<unknown, BodyNotJson | BodyTooLarge | RequestTimeout | InvalidBody> {
  if (!JSON_TYPE.test(request.headers.get("content-type") ?? "")) {
    return Effect.fail(new BodyNotJson());
  }
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > LIMIT) return TOO_LARGE;
  return Effect.tryPromise({
    // Without a length the body is counted as it comes; with one the server cuts it off there.
    try: () =>
      withinTime<ArrayBuffer | Uint8Array>(
        length === null ? readCounted(request) : request.arrayBuffer(),
      ),
    catch: (cause) =>
      cause instanceof BodyTooLarge || cause instanceof RequestTimeout ? cause : MALFORMED,
  }).pipe(Effect.flatMap(parse));
}

const JSON_TYPE = /^application\/json[\t ]*(?:;|$)/i;
const TOO_LARGE = Effect.fail(new BodyTooLarge({ limit: LIMIT }));
const MALFORMED = new InvalidBody({
  faults: [{ pointer: "", reason: "it is not well-formed JSON in UTF-8" }],
});
const decoder = new TextDecoder("utf-8", { fatal: true });

function parse(bytes: ArrayBuffer | Uint8Array): Effect.Effect<unknown, InvalidBody> {
  try {
    return Effect.succeed(JSON.parse(decoder.decode(bytes)));
  } catch {
    return Effect.fail(MALFORMED);
  }
}

async function withinTime<A>(body: Promise<A>): Promise<A> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new RequestTimeout({ seconds: SECONDS })), SECONDS * 1000);
  });
  try {
    return await Promise.race([body, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function readCounted(request: Request): Promise<Uint8Array> {
  const bytes = new Uint8Array(LIMIT);
  let size = 0;
  for await (const chunk of request.body ?? []) {
    if (size + chunk.length > LIMIT) throw new BodyTooLarge({ limit: LIMIT });
    bytes.set(chunk, size);
    size += chunk.length;
  }
  return bytes.subarray(0, size);
}
