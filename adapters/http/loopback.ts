/** Whether a host name, without port and brackets, can only mean this machine (RFC 6761, 6.3). */
export function isLoopbackName(name: string): boolean {
  return /^(?:(?:.+\.)?localhost\.?|127(?:\.\d{1,3}){3}|::1)$/i.test(name);
}

/** Whether a peer's address is of this machine, also where IPv4 is mapped into IPv6. */
export function isLoopbackAddress(address: string | undefined): boolean {
  return address !== undefined && /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/i.test(address);
}

/** The name in a `Host` header. */
export function nameOfHost(host: string): string {
  return host.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1");
}
