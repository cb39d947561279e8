import { isIP } from "node:net";
import type { Call } from "../../application/ports/authenticator.ts";
import { isWithin, type Network } from "../values/networks.ts";

const MOST_HOPS = 32;

/** Returns the address of a request's client, behind trusted proxies. */
export type ClientAddress = (call: Omit<Call, "client">) => string | undefined;

export const UNKNOWN_PROXY =
  "a request with X-Forwarded-For comes from an address that is not in TRUSTED_PROXIES, so all callers behind it count as one; if it is your reverse proxy, add it there, or to the option trustedProxies";

/**
 * Returns the address at the other end of the connection or, if that is a trusted proxy, the last
 * address in `X-Forwarded-For`, or else in `Forwarded` (RFC 7239, section 4), that is none. Earlier
 * ones come from an untrusted sender. `onUnknownProxy` is called the first time that an untrusted
 * address forwards others.
 */
export function clientAddress(
  trusted: ReadonlyArray<Network>,
  onUnknownProxy: (address: string | undefined) => void = () => undefined,
): ClientAddress {
  let isReported = false;
  return ({ headers, address }) => {
    if (trusted.length === 0 || !isWithin(trusted, address)) {
      if (!isReported && headers.get("x-forwarded-for") !== null) {
        isReported = true;
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
