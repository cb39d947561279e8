import * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { randomBytes } from "node:crypto";
import { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
import type { CallerKind } from "../../domain/upload-policy.ts";
import { CommaSeparated } from "../settings/codecs.ts";
import {
  choice,
  type Env,
  fault,
  optional,
  type Read,
  readSettings,
  setting,
  withDefault,
} from "../settings/setting.ts";

const SlugAndId = Schema.String.check(
  Schema.isPattern(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?=[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/),
);

const token = (name: string) =>
  setting(name, {
    codec: Schema.RedactedFromValue(
      Schema.String.check(Schema.isPattern(/^[A-Za-z0-9._~+/-]{16,512}=*$/)),
    ),
    shape: "16 or more letters, digits and -._~+/",
    example: "the output of: openssl rand -hex 16",
  });

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
    choice("AUTH_DEV_EXPOSED", ["yes", "no"], {
      shape: "yes (answer more than this machine, with a development token) or no",
      example: "yes",
    }),
    "no",
  ),
  userToken: optional(token("DEV_TOKEN")),
  serviceToken: optional(token("DEV_SERVICE_TOKEN")),
  organizations: optional(
    setting("ORGANIZATIONS", {
      codec: CommaSeparated(SlugAndId),
      shape: "pairs of slug=id, separated by commas",
      example: "acme=org_1,globex=org_2",
    }),
  ),
};

/** A token that lets everyone in who has it. */
export interface DevelopmentToken {
  readonly value: Redacted.Redacted;
  /** Whether it was made up for this run, so that a person has to be told. */
  readonly isMadeUp: boolean;
}

/** What the adapter is configured with. */
export interface IdentitySettings {
  /** Whether the development tokens may be used from other machines. */
  readonly exposed: boolean;
  /** The token of each kind of caller. */
  readonly tokens: Readonly<Record<CallerKind, DevelopmentToken>>;
  /** Undefined where every well-formed slug is an organization. */
  readonly organizations: ReadonlyMap<OrganizationSlug, OrganizationId> | undefined;
}

/** Reads the variables; a token that is not set is made up. */
export const read = (env: Env): Read<IdentitySettings> =>
  Result.map(
    readSettings(settings, env, ({ userToken, serviceToken }) =>
      userToken !== undefined &&
      serviceToken !== undefined &&
      Redacted.value(userToken) === Redacted.value(serviceToken)
        ? [fault(settings.serviceToken, "must differ from DEV_TOKEN")]
        : [],
    ),
    ({ exposed, userToken, serviceToken, organizations }) => ({
      exposed: exposed === "yes",
      tokens: { user: orMadeUp(userToken), service: orMadeUp(serviceToken) },
      organizations: organizations && new Map(organizations.map(parsePair)),
    }),
  );

const orMadeUp = (value: Redacted.Redacted | undefined): DevelopmentToken => ({
  value: value ?? Redacted.make(randomBytes(16).toString("hex")),
  isMadeUp: value === undefined,
});

function parsePair(pair: string): readonly [OrganizationSlug, OrganizationId] {
  const [slug = "", id = ""] = pair.split("=");
  return [OrganizationSlug.make(slug), OrganizationId.make(id)];
}
