import * as Effect from "effect/Effect";
import type * as Redacted from "effect/Redacted";
import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import type { Organizations } from "../../application/ports/organizations.ts";
import { OrganizationNotFound } from "../../domain/errors.ts";
import { isId, OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
import type { Principal } from "../../domain/principal.ts";
import { HttpsUrl, List, Pair } from "../settings/codecs.ts";
import {
  excludedBy,
  missingBeside,
  optional,
  type Read,
  readSettings,
} from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";

export const settings = {
  organizations: optional({
    variable: "ORGANIZATIONS",
    // The package takes a function here, with its own knowledge.
    option: "organizations",
    meaning: "A table of organizations.",
    otherwise: "what identities say",
    codec: List(Pair("=", OrganizationSlug, OrganizationId)),
    shape: ({ list }) => `pairs of slug=id, ${list}`,
    example: "acme=org_1,globex=org_2",
  }),
  directoryUrl: optional({
    variable: "ORGANIZATIONS_URL",
    meaning: "A service that knows who belongs where.",
    codec: HttpsUrl,
    shape: "an https URL (http on this machine alone) that knows who belongs to an organization",
    example: "https://directory.example.com/membership",
  }),
  directoryToken: optional({
    variable: "ORGANIZATIONS_TOKEN",
    meaning: "The bearer token for it.",
    codec: Schema.RedactedFromValue(
      Schema.String.check(Schema.isPattern(/^[A-Za-z0-9._~+/-]+=*$/)),
    ),
    shape: "the bearer token for ORGANIZATIONS_URL: letters, digits and -._~+/",
    example: "$(openssl rand -hex 32)",
  }),
};

export interface OrganizationSettings {
  readonly table?: ReadonlyMap<OrganizationSlug, OrganizationId> | undefined;
  readonly directory?: DirectorySettings | undefined;
}

export interface DirectorySettings {
  readonly url: URL;
  readonly token?: Redacted.Redacted | undefined;
}

export const read = (source: Source): Read<OrganizationSettings> =>
  Result.map(
    readSettings(settings, source, ({ organizations, directoryUrl, directoryToken }) => [
      organizations !== undefined &&
        directoryUrl !== undefined &&
        excludedBy(settings.organizations, settings.directoryUrl),
      directoryToken !== undefined &&
        directoryUrl === undefined &&
        missingBeside(settings.directoryUrl, settings.directoryToken),
    ]),
    ({ organizations, directoryUrl, directoryToken }) => ({
      table: organizations && new Map(organizations),
      directory: directoryUrl && { url: directoryUrl, token: directoryToken },
    }),
  );

/**
 * Looks organizations up in a table, or in the caller's identity. Both are always read, so that
 * every answer takes the same time.
 */
export const organizationsFromTable = (
  table: ReadonlyMap<OrganizationSlug, OrganizationId> | undefined,
): Organizations["Service"] => ({
  resolve: (principal, slug) => {
    const claimed = idFor(principal, slug);
    const id = table === undefined ? claimed : table.get(slug);
    return id === undefined || claimed === undefined ? NOT_FOUND : Effect.succeed(id);
  },
});

export const idFor = (
  { organizations }: Principal,
  slug: OrganizationSlug,
): OrganizationId | undefined =>
  // A name such as one with a dot is no valid id.
  organizations === "every" ? (isId(slug) ? slug : undefined) : organizations.get(slug);

export const NOT_FOUND = Effect.fail(new OrganizationNotFound());
