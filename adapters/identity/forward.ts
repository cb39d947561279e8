import * as Effect from "effect/Effect";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import type { Authenticator, Call } from "../../application/ports/authenticator.ts";
import { Unauthenticated } from "../../domain/errors.ts";
import { DEFAULT_SCOPES, type Principal, Subject } from "../../domain/principal.ts";
import { organizationsIn, scopesIn } from "./claims.ts";
import { Parsed } from "../settings/codecs.ts";
import { PROXIES } from "../settings/proxies.ts";
import { isWithin } from "../values/networks.ts";
import {
  optional,
  type Read,
  readSettings,
  setting,
  type Values,
  withDefault,
} from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";

const HEADER = {
  codec: Parsed((name) => (/^[A-Za-z0-9-]+$/.test(name) ? name.toLowerCase() : undefined)),
  shape: "the name of a header: letters, digits and hyphens",
};

export const settings = {
  trusted: setting({
    ...PROXIES,
    variable: "FORWARD_AUTH_TRUSTED",
    meaning: "Where the proxy connects from. Required for `AUTH=forward`.",
  }),
  user: withDefault("x-forwarded-user", {
    ...HEADER,
    variable: "FORWARD_AUTH_USER",
    meaning: "The header that says who calls.",
    otherwise: "`X-Forwarded-User`",
    example: "X-Forwarded-User",
  }),
  organizations: optional({
    ...HEADER,
    variable: "FORWARD_AUTH_ORGANIZATIONS",
    meaning: "The header that says for which organizations.",
    otherwise: "`X-Forwarded-Groups`",
    example: "X-Forwarded-Groups",
  }),
  scopes: optional({
    ...HEADER,
    variable: "FORWARD_AUTH_SCOPES",
    meaning: "The header that says what the caller may do.",
    otherwise: "write, read and confirm",
    example: "X-Forwarded-Scopes",
  }),
  kind: optional({
    ...HEADER,
    variable: "FORWARD_AUTH_KIND",
    meaning: "The header that is `service` for services.",
    otherwise: "all are people",
    example: "X-Forwarded-Kind",
  }),
};

type ForwardSettings = Values<typeof settings>;

/** With a directory of organizations, headers need not name them. */
export const read = (source: Source, hasDirectory: boolean): Read<ForwardSettings> =>
  Result.map(
    readSettings(settings, source),
    ({ organizations = hasDirectory ? undefined : "x-forwarded-groups", ...values }) => ({
      ...values,
      organizations,
    }),
  );

const isSubject = Schema.is(Subject);

/**
 * Authenticates by headers of a proxy. They are believed only if the connection comes from the
 * proxy, and each header is there once, under its exact name.
 */
export function forwardedHeaders(settings: ForwardSettings): Authenticator["Service"] {
  const { trusted, user, organizations, scopes, kind } = settings;
  const used = [user, organizations, scopes, kind].filter((name) => name !== undefined);
  const names = new Set(used);
  return {
    authenticate: (call) => {
      if (!isWithin(trusted, call.address) || hasVariant(call, names)) return UNAUTHENTICATED;
      const subject = textIn(call.headers.get(user) ?? "");
      // The values of a repeated header are joined by a comma and a space.
      const isRepeated = used.some((name) => call.headers.get(name)?.includes(", "));
      if (!isSubject(subject) || subject.includes(",") || isRepeated) return UNAUTHENTICATED;
      const listIn = (name: string) => call.headers.get(name)?.split(",") ?? [];
      return Effect.succeed<Principal>({
        kind: kind && call.headers.get(kind) === "service" ? "service" : "user",
        subject,
        scopes: scopes === undefined ? DEFAULT_SCOPES : scopesIn(listIn(scopes), ""),
        organizations:
          organizations === undefined ? "every" : organizationsIn(listIn(organizations)),
      });
    },
  };
}

const UNAUTHENTICATED = Effect.fail(new Unauthenticated({ by: "proxy" }));

const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decodes the UTF-8 of a header; undefined if it is malformed, since no name is. */
function textIn(header: string): string | undefined {
  try {
    return UTF_8.decode(Uint8Array.from(header, (byte) => byte.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

/**
 * Returns true if a proxy could have taken another header for one of these: a name with
 * underscores, which CGI does not distinguish from hyphens.
 */
function hasVariant({ headers }: Call, names: ReadonlySet<string>): boolean {
  for (const name of headers.keys()) {
    if (name.includes("_") && names.has(name.toLowerCase().replaceAll("_", "-"))) return true;
  }
  return false;
}
