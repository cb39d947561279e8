import type { HttpContext } from "./env.ts";

/** How much of an answer is handed to the server at once, in bytes. */
const PIECE = 64 * 1024;

/**
 * Answers with bytes that are held in memory once. They are handed over piece by piece as the
 * client reads, since a runtime would copy the whole for each answer otherwise.
 */
export function answerHeld(
  c: HttpContext,
  bytes: Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
): Response {
  let position = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        controller.enqueue(bytes.subarray(position, position + PIECE));
        position += PIECE;
        if (position >= bytes.length) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, {
    headers: {
      "Content-Length": String(bytes.length),
      "X-Content-Type-Options": "nosniff",
      ...c.get("answerHeaders"),
      ...headers,
    },
  });
}
