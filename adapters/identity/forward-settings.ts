import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { type Network, networksOf, proxies } from "../settings/networks.ts";
import { optional, type Read, readSettings, setting, withDefault } from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";

const header = (explained: Omit<Parameters<typeof setting>[0], "codec" | "shape">) =>
  setting({
    ...explained,
    codec: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9-]+$/)),
    shape: "the name of a header: letters, digits and hyphens",
  });

/** Settings of `AUTH=forward`. */
export const settings = {
  trusted: proxies({
    variable: "FORWARD_AUTH_TRUSTED",
    meaning: "Where the proxy connects from. Required for `AUTH=forward`.",
  }),
  user: withDefault(
    "X-Forwarded-User",
    header({
      variable: "FORWARD_AUTH_USER",
      meaning: "The header that says who calls.",
      example: "X-Forwarded-User",
    }),
  ),
  organizations: optional(
    header({
      variable: "FORWARD_AUTH_ORGANIZATIONS",
      meaning: "The header that says for which organizations.",
      otherwise: "`X-Forwarded-Groups`",
      example: "X-Forwarded-Groups",
    }),
  ),
  scopes: optional(
    header({
      variable: "FORWARD_AUTH_SCOPES",
      meaning: "The header that says what the caller may do.",
      otherwise: "every scope",
      example: "X-Forwarded-Scopes",
    }),
  ),
  kind: optional(
    header({
      variable: "FORWARD_AUTH_KIND",
      meaning: "The header that is `service` for services.",
      otherwise: "all are people",
      example: "X-Forwarded-Kind",
    }),
  ),
};

/** Whose headers are believed, and which. */
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

/** Reads the settings. */
export const read = (source: Source): Read<ForwardSettings> =>
  Result.map(readSettings(settings, source), ({ trusted, user, organizations, scopes, kind }) => ({
    trusted: networksOf(trusted),
    headers: {
      user: user.toLowerCase(),
      organizations: organizations?.toLowerCase(),
      scopes: scopes?.toLowerCase(),
      kind: kind?.toLowerCase(),
    },
  }));
