import * as Schema from "effect/Schema";

const SLUG = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9_])?$/u;
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/**
 * An organization's name in addresses, one path segment as it is: 1 to 63 letters, digits, `_`, `-`
 * and `.`. `Acme` and `acme` are two names.
 */
export const OrganizationSlug = Schema.String.check(
  Schema.isPattern(SLUG, {
    description:
      "The organization's name: letters, digits, `_`, `-` and `.`. Upper and lower case differ.",
    examples: ["acme"],
  }),
).pipe(Schema.brand("OrganizationSlug"));
export type OrganizationSlug = typeof OrganizationSlug.Type;

/** One path segment in keys: 1 to 64 letters, digits, `_` and `-`. */
export const OrganizationId = Schema.String.check(Schema.isPattern(ID)).pipe(
  Schema.brand("OrganizationId"),
);
export type OrganizationId = typeof OrganizationId.Type;

/** Checks a slug without a schema, which costs more for each request. */
export const isSlug = (text: string): text is OrganizationSlug => SLUG.test(text);

export const isId = (text: string): text is OrganizationId => ID.test(text);
