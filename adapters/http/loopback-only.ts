import type { MiddlewareHandler } from "hono";
import { refuse } from "./answer.ts";
import type { HttpContext, HttpEnv } from "./env.ts";
import { isLoopbackAddress, isLoopbackName, nameOfHost } from "./loopback.ts";
import { LoopbackOnly } from "./refusals.ts";

/**
 * Refuses what does not come from this machine, and what comes under another name: a page whose
 * name was made to point here (DNS rebinding) would otherwise count as this machine.
 */
export const loopbackOnly: MiddlewareHandler<HttpEnv> = async (c, next) =>
  isLoopback(c) ? next() : refuse(c, new LoopbackOnly());

/** Whether a request was sent on this machine, and by no proxy behind which others may stand. */
export const isOfThisMachine = (c: HttpContext): boolean =>
  isLoopback(c) && FORWARDED.every((name) => c.req.header(name) === undefined);

const FORWARDED = ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"];

function isLoopback(c: HttpContext): boolean {
  const host = c.req.header("host") ?? new URL(c.req.url).host;
  return isLoopbackAddress(c.env.address) && isLoopbackName(nameOfHost(host));
}
