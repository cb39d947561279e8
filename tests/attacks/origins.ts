import { expect } from "vitest";
import {
  answered,
  type Attack,
  bearer,
  good,
  granted,
  hostOf,
  JSON_TYPE,
  type Outcome,
  PRESIGN,
  refused,
  refusedAnyhow,
  wire,
} from "./attack.ts";

/** The one origin that the service shares its answers with. */
export const ORIGIN = "https://app.example.com";

/** No page of that origin gets to see the answer. */
const notShared: Outcome = {
  says: "is not shared with",
  check: ({ headers, status }) => {
    expect(status).toBeGreaterThan(0);
    expect(headers.get("access-control-allow-origin")).toBeNull();
    expect(headers.get("access-control-allow-credentials")).toBeNull();
  },
};

const shared: Outcome = {
  says: "is shared with, and without cookies",
  check: ({ headers }) => {
    expect(headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(headers.get("access-control-allow-credentials")).toBeNull();
  },
};

const ORIGINS: ReadonlyArray<readonly [input: string, origin: string, outcome: Outcome]> = [
  ["the origin that may", ORIGIN, shared],
  ["a page without an origin", "null", notShared],
  ["an origin that begins like it", `${ORIGIN}.evil.test`, notShared],
  ["one that ends like it", "https://evil-app.example.com", notShared],
  ["one below it", "https://evil.app.example.com", notShared],
  ["one that a careless pattern takes for it", "https://appXexample.com", notShared],
  ["the same without encryption", "http://app.example.com", notShared],
  ["the same on another port", `${ORIGIN}:444`, notShared],
  ["the same in capitals", ORIGIN.toUpperCase(), notShared],
  ["the same with a slash", `${ORIGIN}/`, notShared],
  ["a user named like it", `${ORIGIN}@evil.test`, notShared],
  ["two origins", `${ORIGIN}, https://evil.test`, notShared],
  ["all origins", "*", notShared],
  ["none", "", notShared],
];

const forbidden = refused(403, "FORBIDDEN");

/** Names under which a browser might be brought here, with the development token. */
const HOSTS: ReadonlyArray<readonly [input: string, host: string, outcome: Outcome]> = [
  ["a name of this machine", "localhost", granted()],
  ["another", "[::1]:8787", granted()],
  ["a name that points here", "evil.test", forbidden],
  ["one that begins like ours", "localhost.evil.test", forbidden],
  ["one that begins like our address", "127.0.0.1.evil.test", forbidden],
  ["one that ends like ours", "evillocalhost", forbidden],
  ["one with our port", "evil.test:8787", forbidden],
  ["the address in short", "127.1", forbidden],
  ["the address as a number", "2130706433", forbidden],
  ["the address in hexadecimal", "0x7f000001", forbidden],
  ["every address", "0.0.0.0", forbidden],
  ["a user named like us", "127.0.0.1@evil.test", answered(400)],
  ["a path that ends like us", "evil.test/.localhost", answered(400)],
  ["a fragment that ends like us", "evil.test#.localhost", answered(400)],
  ["a second host behind ours", "127.0.0.1, evil.test", answered(400)],
  ["a port that is no number", "127.0.0.1:evil", answered(400)],
  ["no name", "", answered(400)],
  ["an address that cannot be", "127.999.0.1", refusedAnyhow],
  ["a number too large for an address", "0xffffffffff", refusedAnyhow],
  ["an escape of nothing", "a%zz.localhost", refusedAnyhow],
];

const body = JSON.stringify(good);

export const origins: ReadonlyArray<Attack> = [
  ...ORIGINS.flatMap(([input, origin, outcome]): ReadonlyArray<Attack> => [
    {
      input,
      to: "dev",
      request: ({ dev }) =>
        wire({
          host: hostOf(dev),
          headers: [bearer(dev.token), JSON_TYPE, `Origin: ${origin}`],
          body,
        }),
      outcome,
    },
    {
      input: `${input}, asking first`,
      to: "dev",
      request: ({ dev }) =>
        wire({
          line: `OPTIONS ${PRESIGN} HTTP/1.1`,
          host: hostOf(dev),
          headers: [
            `Origin: ${origin}`,
            "Access-Control-Request-Method: POST",
            "Access-Control-Request-Headers: authorization,content-type",
          ],
          framing: [],
        }),
      outcome,
    },
  ]),
  {
    input: "two headers with an origin",
    to: "dev",
    request: ({ dev }) =>
      wire({
        host: hostOf(dev),
        headers: [bearer(dev.token), JSON_TYPE, "Origin: https://evil.test", `Origin: ${ORIGIN}`],
        body,
      }),
    outcome: notShared,
  },
];

export const hosts: ReadonlyArray<Attack> = [
  ...HOSTS.map(([input, host, outcome]): Attack => ({
    input: `${input} (${host})`,
    to: "dev",
    request: ({ dev }) => wire({ host, headers: [bearer(dev.token), JSON_TYPE], body }),
    outcome,
  })),
  {
    input: "two names, one of them ours",
    to: "dev",
    request: ({ dev }) =>
      wire({ host: hostOf(dev), headers: [bearer(dev.token), JSON_TYPE, "Host: evil.test"], body }),
    outcome: forbidden,
  },
  {
    input: "an address that cannot be (999.999.999.999), where names do not matter",
    to: "jwt",
    request: () => wire({ host: "999.999.999.999", headers: [JSON_TYPE], body }),
    outcome: refusedAnyhow,
  },
];
