import * as Schema from "effect/Schema";

/** An organization's name in addresses: a label of RFC 1123, section 2.1, in lower case. */
export const OrganizationSlug = Schema.String.check(
  Schema.isPattern(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/u, {
    description: "The organization's name: a label of RFC 1123 in lower case.",
    examples: ["acme"],
  }),
).pipe(Schema.brand("OrganizationSlug"));
export type OrganizationSlug = typeof OrganizationSlug.Type;

/** An organization's identity in keys: 1 to 64 letters, digits, `_` and `-`, one path segment. */
export const OrganizationId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/),
).pipe(Schema.brand("OrganizationId"));
export type OrganizationId = typeof OrganizationId.Type;
