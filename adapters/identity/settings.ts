import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { randomBytes } from "node:crypto";
import { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
import { CommaSeparated } from "../settings/codecs.ts";
import {
  type Env,
  optional,
  type Read,
  readSettings,
  setting,
  withDefault,
} from "../settings/setting.ts";

const SlugAndId = Schema.String.check(
  Schema.isPattern(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?=[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/),
);

/** Variables that say who may call, and for which organizations. */
export const settings = {
  auth: withDefault(
    setting("AUTH", {
      codec: Schema.Literals(["dev"]),
      shape: "dev, the only kind of identity so far",
      example: "dev",
    }),
    "dev",
  ),
  exposed: withDefault(
    setting("AUTH_DEV_EXPOSED", {
      codec: Schema.Literals(["yes", "no"]),
      shape: "yes (answer more than this machine, with a development token) or no",
      example: "yes",
    }),
    "no",
  ),
  token: optional(
    setting("DEV_TOKEN", {
      codec: Schema.RedactedFromValue(
        Schema.String.check(Schema.isPattern(/^[A-Za-z0-9._~+/-]{16,512}=*$/)),
      ),
      shape: "16 or more letters, digits and -._~+/",
      example: "the output of: openssl rand -hex 16",
    }),
  ),
  organizations: optional(
    setting("ORGANIZATIONS", {
      codec: CommaSeparated(SlugAndId),
      shape: "pairs of slug=id, separated by commas",
      example: "acme=org_1,globex=org_2",
    }),
  ),
};

/** What the adapter is configured with. */
export interface IdentitySettings {
  /** Whether the development token may be used from other machines. */
  readonly exposed: boolean;
  readonly token: Redacted.Redacted;
  /** Whether the token was made up for this run, so that a person has to be told. */
  readonly isTokenMadeUp: boolean;
  /** Undefined where every well-formed slug is an organization. */
  readonly organizations: ReadonlyMap<OrganizationSlug, OrganizationId> | undefined;
}

/** Reads the variables; a token that is not set is made up. */
export const read = (env: Env): Read<IdentitySettings> =>
  Result.map(readSettings(settings, env), ({ exposed, token, organizations }) => ({
    exposed: exposed === "yes",
    token: token ?? Redacted.make(randomBytes(16).toString("hex")),
    isTokenMadeUp: token === undefined,
    organizations: organizations && new Map(organizations.map(parsePair)),
  }));

function parsePair(pair: string): readonly [OrganizationSlug, OrganizationId] {
  const [slug = "", id = ""] = pair.split("=");
  return [OrganizationSlug.make(slug), OrganizationId.make(id)];
}
