import * as Result from "effect/Result";
import { Parsed } from "../settings/codecs.ts";
import { type Network, PROXIES } from "../settings/networks.ts";
import { optional, type Read, readSettings, setting, withDefault } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";

const HEADER = {
  codec: Parsed((name) => (/^[A-Za-z0-9-]+$/.test(name) ? name.toLowerCase() : undefined)),
  shape: "the name of a header: letters, digits and hyphens",
};

/** Settings of `AUTH=forward`. */
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
    otherwise: "every scope",
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

/** Which proxies are trusted, and which of their headers. */
export interface ForwardSettings {
  readonly trusted: ReadonlyArray<Network>;
  /** In lower case. */
  readonly headers: {
    readonly user: string;
    /** Undefined where a directory knows the organizations. */
    readonly organizations?: string | undefined;
    /** Undefined where all callers may do everything. */
    readonly scopes?: string | undefined;
    /** Its value is `service` for services; all callers are persons if undefined. */
    readonly kind?: string | undefined;
  };
}

/** Reads the settings; with a directory of organizations, headers need not name them. */
export const read = (
  source: Source,
  hasDirectory: boolean,
): Read<{ readonly auth: "forward" } & ForwardSettings> =>
  Result.map(
    readSettings(settings, source),
    ({ trusted, organizations = hasDirectory ? undefined : "x-forwarded-groups", ...headers }) => ({
      auth: "forward",
      trusted,
      headers: { ...headers, organizations },
    }),
  );
