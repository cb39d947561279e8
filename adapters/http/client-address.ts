import { isIP } from "node:net";
import type { Call } from "../../application/ports/authenticator.ts";
import { isWithin, type Network } from "../settings/networks.ts";

/** How many proxies in a row are followed. */
const MOST_HOPS = 32;

/** The address of who calls, as far as it can be believed. */
export type ClientAddress = (call: Omit<Call, "client">) => string | undefined;

/**
 * The address at the other end of the connection, or where that is of a trusted proxy, the last
 * one that is not in the chain that the proxies tell: `X-Forwarded-For`, or without it `Forwarded`
 * (RFC 7239, section 4). What comes before that was told by somebody who is not trusted.
 */
export const clientAddress =
  (trusted: ReadonlyArray<Network>): ClientAddress =>
  ({ headers, address }) => {
    if (trusted.length === 0 || !isWithin(trusted, address)) return address;
    const list = headers.get("x-forwarded-for");
    const chain = list ?? headers.get("forwarded") ?? "";
    let client = address;
    let end = chain.length;
    for (let hop = 0; hop < MOST_HOPS && end > 0; hop++) {
      const begin = chain.lastIndexOf(",", end - 1);
      const element = chain.slice(begin + 1, end);
      const told = addressIn(list === null ? (FOR.exec(element)?.[1] ?? "") : element.trim());
      if (told === undefined) return client;
      client = told;
      if (!isWithin(trusted, told)) return client;
      end = begin;
    }
    return client;
  };

const FOR = /(?:^|;)\s*for=("[^"]*"|[^;"\s]*)/i;

const WITH_PORT = /^"?(?:\[([\da-f:.]+)\]|([\d.]+))(?::\d{1,5})?"?$/i;

/** The address of a hop, which may come in quotes, in brackets and with a port. */
function addressIn(text: string): string | undefined {
  if (isIP(text) !== 0) return text;
  const [, six, four] = WITH_PORT.exec(text) ?? [];
  const address = six ?? four ?? "";
  return isIP(address) === 0 ? undefined : address;
}
