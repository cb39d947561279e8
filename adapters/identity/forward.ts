import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import ipaddr from "ipaddr.js";
import {
  type Authenticator,
  type Call,
  Unauthenticated,
} from "../../application/ports/authenticator.ts";
import { EVERY_SCOPE, type Principal, Subject } from "../../domain/principal.ts";
import { organizationsOf, scopesOf } from "./claims.ts";
import type { ForwardSettings, Network } from "./forward-settings.ts";

const isSubject = Schema.is(Subject);

/**
 * `AUTH=forward`: headers of a proxy that has asked who calls. They are believed when the
 * connection itself comes from the proxy, and each is there once, under its own name.
 */
export function forwardedHeaders(settings: ForwardSettings): Authenticator["Service"] {
  const { user, organizations, scopes, kind } = settings.headers;
  const names = new Set(
    [user, organizations, scopes, kind].flatMap((name) => (name === undefined ? [] : [name])),
  );
  return {
    authenticate: (call) => {
      if (!isTrusted(settings.trusted, call.address) || hasVariant(call, names)) return NOT_GOOD;
      const subject = call.headers.get(user);
      // Of a header that came twice the values are joined by a comma and a space.
      const isRepeated = [...names].some((name) => call.headers.get(name)?.includes(", "));
      if (!isSubject(subject) || subject.includes(",") || isRepeated) return NOT_GOOD;
      const listOf = (name: string) => call.headers.get(name)?.split(",") ?? [];
      return Effect.succeed<Principal>({
        kind: kind !== undefined && call.headers.get(kind) === "service" ? "service" : "user",
        subject,
        scopes: scopes === undefined ? EVERY_SCOPE : scopesOf(listOf(scopes), ""),
        organizations:
          organizations === undefined ? "every" : organizationsOf(listOf(organizations)),
      });
    },
  };
}

const NOT_GOOD = Effect.fail(new Unauthenticated({ by: "proxy" }));

// Of IPv6, as `::192.0.2.1`, which the parser takes for the address of IPv4 that it ends with.
const COMPATIBLE = /^::\d+\.\d+\.\d+\.\d+$/;

/** Whether an address is of one of the networks, also where IPv4 is mapped into IPv6. */
function isTrusted(networks: ReadonlyArray<Network>, address: string | undefined): boolean {
  if (address === undefined || COMPATIBLE.test(address) || !ipaddr.isValid(address)) return false;
  const peer = ipaddr.process(address);
  return networks.some(
    ([network, bits]) => peer.kind() === network.kind() && peer.match(network, bits),
  );
}

/**
 * Whether a header is there that others on the way could take for one of ours: the same name
 * with underscores, which CGI and its heirs do not tell from hyphens.
 */
function hasVariant({ headers }: Call, names: ReadonlySet<string>): boolean {
  for (const name of headers.keys()) {
    if (name.includes("_") && names.has(name.toLowerCase().replaceAll("_", "-"))) return true;
  }
  return false;
}
