import type { MiddlewareHandler } from "hono";
import type { HttpEnv } from "./env.ts";

const LIMIT = 1024 * 1024;
const SECONDS = 5;

/**
 * Reads what is left of a refused request's body and throws it away, up to 1 MiB and 5 seconds,
 * so that the refusal reaches a client that is still sending. Past that, the answer asks for the
 * connection's end, which Node carries out at once.
 */
export const discardBody: MiddlewareHandler<HttpEnv> = async (c, next) => {
  await next();
  if (c.res.status < 400 || c.req.method === "GET" || c.req.method === "HEAD") return;
  if (!(await discard(c.req.raw))) c.header("Connection", "close");
};

/** Whether the whole body was read. */
async function discard(request: Request): Promise<boolean> {
  // The client waits to be told to send the body, which it need not now; to look at it would tell.
  if (request.headers.has("expect") && !request.bodyUsed) return false;
  const { body } = request;
  if (body === null || body.locked) return true;
  const reader = body.getReader();
  const timer = setTimeout(() => void reader.cancel().catch(() => undefined), SECONDS * 1000);
  try {
    for (let size = 0; size <= LIMIT;) {
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
