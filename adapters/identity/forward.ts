import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import type { Authenticator, Call } from "../../application/ports/authenticator.ts";
import { Unauthenticated } from "../../domain/errors.ts";
import { EVERY_SCOPE, type Principal, Subject } from "../../domain/principal.ts";
import { organizationsOf, scopesOf } from "./claims.ts";
import { isWithin } from "../settings/networks.ts";
import type { ForwardSettings } from "./forward-settings.ts";

const isSubject = Schema.is(Subject);

/**
 * `AUTH=forward`: headers of a proxy that has authenticated the caller. They are believed only if
 * the connection comes from the proxy, and each header is there once, under its exact name.
 */
export function forwardedHeaders(settings: ForwardSettings): Authenticator["Service"] {
  const { user, organizations, scopes, kind } = settings.headers;
  const names = new Set(Object.values(settings.headers).filter((name) => name !== undefined));
  return {
    authenticate: (call) => {
      if (!isWithin(settings.trusted, call.address) || hasVariant(call, names)) return NOT_GOOD;
      const subject = call.headers.get(user);
      // The values of a repeated header are joined by a comma and a space.
      const isRepeated = [...names].some((name) => call.headers.get(name)?.includes(", "));
      if (!isSubject(subject) || subject.includes(",") || isRepeated) return NOT_GOOD;
      const listOf = (name: string) => call.headers.get(name)?.split(",") ?? [];
      return Effect.succeed<Principal>({
        kind: kind && call.headers.get(kind) === "service" ? "service" : "user",
        subject,
        scopes: scopes === undefined ? EVERY_SCOPE : scopesOf(listOf(scopes), ""),
        organizations:
          organizations === undefined ? "every" : organizationsOf(listOf(organizations)),
      });
    },
  };
}

const NOT_GOOD = Effect.fail(new Unauthenticated({ by: "proxy" }));

/**
 * Whether there is a header that a proxy on the way could take for one of ours: the same name with
 * underscores, which CGI and its successors do not tell from hyphens.
 */
function hasVariant({ headers }: Call, names: ReadonlySet<string>): boolean {
  for (const name of headers.keys()) {
    if (name.includes("_") && names.has(name.toLowerCase().replaceAll("_", "-"))) return true;
  }
  return false;
}
