import { isIP } from "node:net";
import type { Call } from "../../application/ports/authenticator.ts";
import { isWithin, type Network } from "../values/networks.ts";

const MOST_HOPS = 32;

/** Finds the address of the caller of a request, behind proxies that are trusted. */
export type ClientAddress = (call: Omit<Call, "client">) => string | undefined;

export const UNKNOWN_PROXY =
  "a request with X-Forwarded-For comes from an address that is not in TRUSTED_PROXIES, so all callers behind it count as one; if it is your reverse proxy, add it there, or to the option trustedProxies";

/**
 * The address at the other end of the connection. If it belongs to a trusted proxy: the last
 * address in `X-Forwarded-For`, or else in `Forwarded` (RFC 7239, section 4), that belongs to no
 * trusted proxy. Whatever stands before it comes from a sender that is not trusted. The first time
 * that an address tells of others and is not trusted, `onUnknownProxy` is called.
 */
export function clientAddress(
  trusted: ReadonlyArray<Network>,
  onUnknownProxy: (address: string | undefined) => void = () => undefined,
): ClientAddress {
  let isTold = false;
  return ({ headers, address }) => {
    if (trusted.length === 0 || !isWithin(trusted, address)) {
      if (!isTold && headers.get("x-forwarded-for") !== null) {
        isTold = true;
        onUnknownProxy(address);
      }
      return address;
    }
    const list = headers.get("x-forwarded-for");
    const chain = list ?? headers.get("forwarded") ?? "";
    let client = address;
    let end = chain.length;
    for (let hop = 0; hop < MOST_HOPS && end > 0; hop++) {
      const begin = chain.lastIndexOf(",", end - 1);
      const element = chain.slice(begin + 1, end);
      const previous = addressIn(list === null ? (FOR.exec(element)?.[1] ?? "") : element.trim());
      if (previous === undefined) return client;
      client = previous;
      if (!isWithin(trusted, previous)) return client;
      end = begin;
    }
    return client;
  };
}

const FOR = /(?:^|;)\s*for=("[^"]*"|[^;"\s]*)/i;

const WITH_PORT = /^"?(?:\[([\da-f:.]+)\]|([\d.]+))(?::\d{1,5})?"?$/i;

function addressIn(text: string): string | undefined {
  if (isIP(text) !== 0) return text;
  const [, six, four] = WITH_PORT.exec(text) ?? [];
  const address = six ?? four ?? "";
  return isIP(address) === 0 ? undefined : address;
}
