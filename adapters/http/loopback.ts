import type { HttpContext } from "./env.ts";

/** Returns true if a host name, without port and brackets, is this machine (RFC 6761, 6.3). */
export function isLoopbackName(name: string): boolean {
  return /^(?:(?:.+\.)?localhost\.?|127(?:\.\d{1,3}){3}|::1)$/i.test(name);
}

export function hostName(host: string): string {
  return host.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1");
}

/**
 * Returns true if a request comes from this machine and names it. With DNS rebinding, a page's
 * request comes from this machine under another name.
 */
export function isLoopback(c: HttpContext): boolean {
  const host = c.req.header("host") ?? new URL(c.req.url).host;
  return isLoopbackAddress(c.env?.address) && isLoopbackName(hostName(host));
}

/** Returns true if a request was sent on this machine, and not by a proxy for others. */
export const isFromThisMachine = (c: HttpContext): boolean =>
  isLoopback(c) && FORWARDED.every((name) => c.req.header(name) === undefined);

const FORWARDED = ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"];

/** Matches IPv4 mapped into IPv6 too. */
const isLoopbackAddress = (address: string | undefined): boolean =>
  address !== undefined && /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/i.test(address);
