import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { type Network, Networks, networksOf } from "../settings/networks.ts";
import {
  type Env,
  optional,
  type Read,
  readSettings,
  setting,
  withDefault,
} from "../settings/setting.ts";

const header = (name: string, example: string) =>
  setting(name, {
    codec: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9-]+$/)),
    shape: "the name of a header: letters, digits and hyphens",
    example,
  });

/** Variables of `AUTH=forward`. */
export const settings = {
  trusted: setting("FORWARD_AUTH_TRUSTED", {
    codec: Networks,
    shape:
      "the addresses or networks that proxies connect from, separated by commas, and not all there are",
    example: "10.0.0.0/8,::1",
  }),
  user: withDefault(header("FORWARD_AUTH_USER", "X-Forwarded-User"), "X-Forwarded-User"),
  organizations: optional(header("FORWARD_AUTH_ORGANIZATIONS", "X-Forwarded-Groups")),
  scopes: optional(header("FORWARD_AUTH_SCOPES", "X-Forwarded-Scopes")),
  kind: optional(header("FORWARD_AUTH_KIND", "X-Forwarded-Kind")),
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

/** Reads the variables. */
export const read = (env: Env): Read<ForwardSettings> =>
  Result.map(readSettings(settings, env), ({ trusted, user, organizations, scopes, kind }) => ({
    trusted: networksOf(trusted),
    headers: {
      user: user.toLowerCase(),
      organizations: organizations?.toLowerCase(),
      scopes: scopes?.toLowerCase(),
      kind: kind?.toLowerCase(),
    },
  }));
