import * as Schema from "effect/Schema";

/**
 * An organization's name in addresses: 1 to 63 letters, digits, `_`, `-` and `.`. It begins with a
 * letter or digit and does not end with `-` or `.`, so that it is one path segment as it is. `Acme`
 * and `acme` are two names.
 */
export const OrganizationSlug = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9_])?$/u, {
    description:
      "The organization's name: letters, digits, `_`, `-` and `.`. Upper and lower case differ.",
    examples: ["acme"],
  }),
).pipe(Schema.brand("OrganizationSlug"));
export type OrganizationSlug = typeof OrganizationSlug.Type;

/** An organization's id in keys: 1 to 64 letters, digits, `_` and `-`, one path segment. */
export const OrganizationId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/),
).pipe(Schema.brand("OrganizationId"));
export type OrganizationId = typeof OrganizationId.Type;
