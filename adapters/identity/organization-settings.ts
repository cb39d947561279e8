import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
import { HttpsUrl, List, Pair } from "../settings/codecs.ts";
import {
  excludedBy,
  missingBeside,
  optional,
  type Read,
  readSettings,
} from "../settings/setting.ts";
import type { Source } from "../settings/source.ts";
import type { DirectorySettings } from "./directory.ts";

/** Settings of which organizations there are, and who belongs there. */
export const settings = {
  organizations: optional({
    variable: "ORGANIZATIONS",
    // A function there, which knows whatever it knows.
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

/** Which organizations there are: those of a table, of a directory, or whatever identities say. */
export interface OrganizationSettings {
  readonly table?: ReadonlyMap<OrganizationSlug, OrganizationId> | undefined;
  readonly directory?: DirectorySettings | undefined;
}

/** Reads the settings. */
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
