import type { MiddlewareHandler } from "hono";
import { refuse } from "./answer.ts";
import type { HttpContext, HttpEnv } from "./env.ts";
import { isLoopbackAddress, isLoopbackName, nameOfHost } from "./loopback.ts";
import { LoopbackOnly } from "./refusals.ts";

/** Whether a request was sent on this machine, and by no proxy that somebody else may stand behind. */
export const isOfThisMachine = (c: HttpContext): boolean =>
  isLoopbackAddress(c.env.address) && FORWARDED.every((name) => c.req.header(name) === undefined);

const FORWARDED = ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"];

/**
 * Refuses what does not come from this machine, and what comes under another name: a page whose
 * name was made to point here (DNS rebinding) would otherwise count as this machine.
 */
export const loopbackOnly: MiddlewareHandler<HttpEnv> = async (c, next) => {
  const host = c.req.header("host") ?? new URL(c.req.url).host;
  if (isLoopbackAddress(c.env.address) && isLoopbackName(nameOfHost(host))) return next();
  return refuse(c, new LoopbackOnly());
};
