import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
import { CommaSeparated, HttpsUrl } from "../settings/codecs.ts";
import {
  type Env,
  fault,
  optional,
  type Read,
  readSettings,
  setting,
} from "../settings/setting.ts";
import type { DirectorySettings } from "./directory.ts";

const isSlug = Schema.is(OrganizationSlug);
const isId = Schema.is(OrganizationId);
const SlugAndId = Schema.String.check(
  Schema.makeFilter<string>((text) => {
    const [slug, id, ...more] = text.split("=");
    return isSlug(slug) && isId(id) && more.length === 0;
  }),
);

/** Variables that say which organizations there are, and who belongs there. */
export const settings = {
  organizations: optional(
    setting("ORGANIZATIONS", {
      codec: CommaSeparated(SlugAndId),
      shape: "pairs of slug=id, separated by commas",
      example: "acme=org_1,globex=org_2",
    }),
  ),
  directoryUrl: optional(
    setting("ORGANIZATIONS_URL", {
      codec: HttpsUrl,
      shape: "an https URL (http on this machine alone) that knows who belongs to an organization",
      example: "https://directory.example.com/membership",
    }),
  ),
  directoryToken: optional(
    setting("ORGANIZATIONS_TOKEN", {
      codec: Schema.RedactedFromValue(
        Schema.String.check(Schema.isPattern(/^[A-Za-z0-9._~+/-]+=*$/)),
      ),
      shape: "the bearer token for ORGANIZATIONS_URL: letters, digits and -._~+/",
      example: "$(openssl rand -hex 32)",
    }),
  ),
};

/** Which organizations there are: those of a table, of a directory, or whatever identities say. */
export interface OrganizationSettings {
  readonly table?: ReadonlyMap<OrganizationSlug, OrganizationId> | undefined;
  readonly directory?: DirectorySettings | undefined;
}

/** Reads the variables. */
export const read = (env: Env): Read<OrganizationSettings> =>
  Result.map(
    readSettings(settings, env, ({ organizations, directoryUrl, directoryToken }) => [
      ...(organizations !== undefined && directoryUrl !== undefined
        ? [fault(settings.organizations, "must not be set beside ORGANIZATIONS_URL")]
        : []),
      ...(directoryToken !== undefined && directoryUrl === undefined
        ? [fault(settings.directoryUrl, "must be set where ORGANIZATIONS_TOKEN is")]
        : []),
    ]),
    ({ organizations, directoryUrl, directoryToken }) => ({
      table: organizations && new Map(organizations.map(parsePair)),
      directory: directoryUrl && { url: directoryUrl, token: directoryToken },
    }),
  );

function parsePair(pair: string): readonly [OrganizationSlug, OrganizationId] {
  const [slug = "", id = ""] = pair.split("=");
  return [OrganizationSlug.make(slug), OrganizationId.make(id)];
}
