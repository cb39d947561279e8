import { expect } from "vitest";
import {
  answered,
  type Attack,
  bearer,
  good,
  hostOf,
  JSON_TYPE,
  type Outcome,
  refused,
  refusedAnyhow,
  wire,
} from "./attack.ts";

/** The only origin whose pages may read the answers of the service. */
export const ORIGIN = "https://app.example.com";

/** The page that sends the request may not read the answer. */
const notShared: Outcome = {
  says: "gets an answer that its page may not read",
  check: ({ headers }) => expect(headers.get("access-control-allow-origin")).toBeNull(),
};

const forbidden = refused(403, "FORBIDDEN");

/** Host names by which a page could bring a browser to this service (DNS rebinding). */
const HOSTS: ReadonlyArray<readonly [input: string, host: string, outcome: Outcome]> = [
  ["an address of this machine in short", "127.1", forbidden],
  ["a user named like an address of this machine", "127.0.0.1@evil.test", answered(400)],
  ["a path that ends like localhost", "evil.test/.localhost", answered(400)],
  ["a fragment that ends like localhost", "evil.test#.localhost", answered(400)],
  ["a second host behind an address of this machine", "127.0.0.1, evil.test", answered(400)],
  ["a port that is not a number", "127.0.0.1:evil", answered(400)],
  ["an empty host", "", answered(400)],
  ["an impossible address", "127.999.0.1", refusedAnyhow],
  ["a number too large for an address", "0xffffffffff", refusedAnyhow],
  ["a percent sign without a code", "a%zz.localhost", refusedAnyhow],
];

const body = JSON.stringify(good);

export const hosts: ReadonlyArray<Attack> = [
  {
    input: "a request with two Origin headers",
    to: "dev",
    request: ({ dev }) =>
      wire({
        host: hostOf(dev),
        headers: [bearer(dev.token), JSON_TYPE, "Origin: https://evil.test", `Origin: ${ORIGIN}`],
        body,
      }),
    outcome: notShared,
  },
  ...HOSTS.map(([input, host, outcome]): Attack => ({
    input: `a request whose Host is ${input} (${host})`,
    to: "dev",
    request: ({ dev }) => wire({ host, headers: [bearer(dev.token), JSON_TYPE], body }),
    outcome,
  })),
  {
    input: "a request with two Host headers, the first of them right,",
    to: "dev",
    request: ({ dev }) =>
      wire({ host: hostOf(dev), headers: [bearer(dev.token), JSON_TYPE, "Host: evil.test"], body }),
    outcome: forbidden,
  },
  {
    input:
      "a request whose Host is an impossible address (999.999.999.999), where names are not checked,",
    to: "jwt",
    request: () => wire({ host: "999.999.999.999", headers: [JSON_TYPE], body }),
    outcome: refusedAnyhow,
  },
];
