import * as Schema from "effect/Schema";
import { expect, it } from "vitest";
import { clientAddress } from "../../../adapters/http/client-address.ts";
import { PROXIES } from "../../../adapters/settings/proxies.ts";
import { subscriberFrom } from "../../../adapters/values/networks.ts";

const ask = clientAddress(Schema.decodeSync(PROXIES.codec)(["10.0.0.0/8", "fd00::/8"]));
const PROXY = "10.0.0.1";

it.each<[string, Record<string, string>, string]>([
  ["nothing is told", {}, PROXY],
  ["one address is told", { "X-Forwarded-For": "203.0.113.9" }, "203.0.113.9"],
  ["the caller told one first", { "X-Forwarded-For": "1.2.3.4, 203.0.113.9" }, "203.0.113.9"],
  ["the caller told a trusted one", { "X-Forwarded-For": "10.9.9.9,203.0.113.9" }, "203.0.113.9"],
  [
    "several proxies are passed",
    { "X-Forwarded-For": "1.2.3.4, 203.0.113.9, fd00::7, 10.0.0.2" },
    "203.0.113.9",
  ],
  ["all are of proxies", { "X-Forwarded-For": "10.0.0.3, 10.0.0.2" }, "10.0.0.3"],
  ["the last one is no address", { "X-Forwarded-For": "203.0.113.9, unknown" }, PROXY],
  ["one on the way is no address", { "X-Forwarded-For": "203.0.113.9, x, 10.0.0.2" }, "10.0.0.2"],
  ["it is empty", { "X-Forwarded-For": "" }, PROXY],
  ["the last one is empty", { "X-Forwarded-For": "203.0.113.9," }, PROXY],
  ["it has a port", { "X-Forwarded-For": "203.0.113.9:4711" }, "203.0.113.9"],
  ["it is of IPv6", { "X-Forwarded-For": "2001:db8::1" }, "2001:db8::1"],
  ["it is of IPv6 with a port", { "X-Forwarded-For": "[2001:db8::1]:4711" }, "2001:db8::1"],
  ["it is longer than any", { "X-Forwarded-For": `1.2.3.4${",10.0.0.2".repeat(999)}` }, "10.0.0.2"],
  [
    "the other header tells it",
    { Forwarded: 'for=1.2.3.4, by=10.0.0.1;for="[2001:db8::1]:4711";proto=https' },
    "2001:db8::1",
  ],
  ["the other header hides it", { Forwarded: "for=1.2.3.4, for=_hidden" }, PROXY],
  ["the other header says nothing of it", { Forwarded: "for=1.2.3.4, proto=https" }, PROXY],
  [
    "both headers tell it, of which proxies write the first",
    { "X-Forwarded-For": "203.0.113.9", Forwarded: "for=1.2.3.4" },
    "203.0.113.9",
  ],
])("behind a trusted proxy the address is found where %s", (_, headers, expected) => {
  expect(ask({ headers: new Headers(headers), address: PROXY })).toBe(expected);
});

it.each(["203.0.113.1", "::1", "::ffff:203.0.113.1", "nonsense", undefined])(
  "the header of %s is ignored unless it is trusted",
  (address) => {
    const headers = new Headers({ "X-Forwarded-For": "1.2.3.4", Forwarded: "for=1.2.3.4" });
    expect(ask({ headers, address })).toBe(address);
    expect(clientAddress([])({ headers, address: PROXY })).toBe(PROXY);
  },
);

it.each([
  ["203.0.113.9", "203.0.113.9"],
  ["::ffff:203.0.113.9", "203.0.113.9"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:DB8:1:2::", "2001:db8:1:2"],
  // What a proxy passes on is not always an address.
  ["unknown:port", "unknown:port"],
  ["::1", "0:0:0:0"],
])("the subscriber of %s is %s", (address, expected) => {
  expect(subscriberFrom(address)).toBe(expected);
});
