import type { HttpContext } from "./env.ts";

/** Whether a host name, without port and brackets, can only mean this machine (RFC 6761, 6.3). */
export function isLoopbackName(name: string): boolean {
  return /^(?:(?:.+\.)?localhost\.?|127(?:\.\d{1,3}){3}|::1)$/i.test(name);
}

/** The name in a `Host` header. */
export function nameOfHost(host: string): string {
  return host.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1");
}

/**
 * Whether a request comes from this machine and names it. A page whose name was made to point here
 * (DNS rebinding) comes from this machine under another name.
 */
export function isLoopback(c: HttpContext): boolean {
  const host = c.req.header("host") ?? new URL(c.req.url).host;
  return isLoopbackAddress(c.env?.address) && isLoopbackName(nameOfHost(host));
}

/** Whether a request was sent on this machine, and not by a proxy that others may stand behind. */
export const isFromThisMachine = (c: HttpContext): boolean =>
  isLoopback(c) && FORWARDED.every((name) => c.req.header(name) === undefined);

const FORWARDED = ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"];

/** Whether a peer's address belongs to this machine, also where IPv4 is mapped into IPv6. */
const isLoopbackAddress = (address: string | undefined): boolean =>
  address !== undefined && /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/i.test(address);
