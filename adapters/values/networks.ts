import ipaddr from "ipaddr.js";
import { isIP } from "node:net";

export type Network = ReturnType<typeof ipaddr.parseCIDR>;

/** Parses an address, or a network with its number of bits, which is not 0. */
export function parseNetwork(text: string): Network | undefined {
  const cidr = text.includes("/") ? text : `${text}/${text.includes(":") ? 128 : 32}`;
  // The parser also accepts `10.1` for 10.0.0.1, and reads octal numbers.
  if (isIP(cidr.slice(0, cidr.indexOf("/"))) === 0 || !ipaddr.isValidCIDR(cidr)) return undefined;
  const [address, bits] = ipaddr.parseCIDR(cidr);
  const network: Network =
    address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96
      ? [address.toIPv4Address(), bits - 96]
      : [address, bits];
  return network[1] === 0 ? undefined : network;
}

// An IPv6 address such as `::192.0.2.1`, which the parser reads as the IPv4 address at its end.
const COMPATIBLE = /^::\d+\.\d+\.\d+\.\d+$/;

export function isWithin(networks: ReadonlyArray<Network>, address: string | undefined): boolean {
  if (address === undefined || COMPATIBLE.test(address) || !ipaddr.isValid(address)) return false;
  const peer = ipaddr.process(address);
  return networks.some(
    ([network, bits]) => peer.kind() === network.kind() && peer.match(network, bits),
  );
}

// RFC 4291, section 2.4: IPv6 outside of 2000::/3 is local, or maps another address.
const INTERNET = ["0.0.0.0/0", "2000::/3"].map((network) => ipaddr.parseCIDR(network));

// What a machine at Azure reaches beside its metadata server, and nobody else.
const WIRE_SERVER = "168.63.129.16";

export const isPublic = (address: string): boolean =>
  isWithin(INTERNET, address) &&
  ipaddr.process(address).range() === "unicast" &&
  ipaddr.process(address).toString() !== WIRE_SERVER;

/** Returns an IPv4 address, or the 64 bits of IPv6 that one subscriber has. */
export function subscriberFrom(address: string): string {
  if (!address.includes(":") || !ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6
    ? parsed.parts
        .slice(0, 4)
        .map((part) => part.toString(16))
        .join(":")
    : parsed.toString();
}
