import * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import type { Organizations } from "../../application/ports/organizations.ts";
import { OrganizationNotFound } from "../../domain/errors.ts";
import { OrganizationId, type OrganizationSlug } from "../../domain/organization.ts";
import type { Principal } from "../../domain/principal.ts";

/**
 * Organizations of a table, or without one those that identities vouch for. Both questions are
 * asked whatever the first one's answer, so that all callers take the same time.
 */
export const organizationsFromTable = (
  table: ReadonlyMap<OrganizationSlug, OrganizationId> | undefined,
): Organizations["Service"] => ({
  resolve: (principal, slug) => {
    const vouched = idFor(principal, slug);
    const id = table === undefined ? vouched : table.get(slug);
    return id === undefined || vouched === undefined ? NOT_FOUND : Effect.succeed(id);
  },
});

/** The id by which an identity vouches for an organization; its name where it says no other. */
export const idFor = (
  { organizations }: Principal,
  slug: OrganizationSlug,
): OrganizationId | undefined =>
  organizations === "every" ? (isId(slug) ? slug : undefined) : organizations.get(slug);

/** Not each name can be an id: one with a dot can not. */
const isId = Schema.is(OrganizationId);

export const NOT_FOUND = Effect.fail(new OrganizationNotFound());
