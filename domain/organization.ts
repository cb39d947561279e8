import * as Schema from "effect/Schema";

const SLUG = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9_])?$/u;
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/**
 * An organization's name in addresses: 1 to 63 letters, digits, `_`, `-` and `.`. It begins with a
 * letter or digit and does not end with `-` or `.`, so that it is one path segment as it is. `Acme`
 * and `acme` are two names.
 */
export const OrganizationSlug = Schema.String.check(
  Schema.isPattern(SLUG, {
    description:
      "The organization's name: letters, digits, `_`, `-` and `.`. Upper and lower case differ.",
    examples: ["acme"],
  }),
).pipe(Schema.brand("OrganizationSlug"));
export type OrganizationSlug = typeof OrganizationSlug.Type;

/** An organization's id in keys: 1 to 64 letters, digits, `_` and `-`, one path segment. */
export const OrganizationId = Schema.String.check(Schema.isPattern(ID)).pipe(
  Schema.brand("OrganizationId"),
);
export type OrganizationId = typeof OrganizationId.Type;

/** Whether a text is an organization's name; for each request, where a schema costs more. */
export const isSlug = (text: string): text is OrganizationSlug => SLUG.test(text);

/** The same for its id. */
export const isId = (text: string): text is OrganizationId => ID.test(text);
