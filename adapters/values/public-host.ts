import dns from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { isPublic } from "./networks.ts";

/** Returns true if a URL's host is not an address, or a public one. A name can still resolve to another. */
export function mayBePublic({ hostname }: URL): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  return isIP(host) > 0 ? isPublic(host) : !LOCAL.test(host);
}

// RFC 6761, RFC 6762, RFC 8375; and names without a dot, which a search list completes.
const LOCAL = /^[^.]*\.?$|\.(?:localhost|localdomain|local|internal|home\.arpa)\.?$/;

/**
 * Makes a lookup that fails unless all addresses of a host are public. It runs for each connection,
 * which is made to these addresses, so that the name cannot be resolved to another afterwards.
 */
export const lookupPublic =
  (reason: (host: string) => string): LookupFunction =>
  (host, options, done) =>
    dns.lookup(host, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error || first === undefined) return done(error ?? new Error("not addresses"), []);
      if (!addresses.every(({ address }) => isPublic(address)))
        return done(new Error(reason(host)), []);
      return options.all ? done(null, addresses) : done(null, first.address, first.family);
    });
