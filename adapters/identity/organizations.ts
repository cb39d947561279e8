import * as Effect from "effect/Effect";
import type { Organizations } from "../../application/ports/organizations.ts";
import { OrganizationNotFound } from "../../domain/errors.ts";
import { isId, type OrganizationId, type OrganizationSlug } from "../../domain/organization.ts";
import type { Principal } from "../../domain/principal.ts";

/**
 * Looks organizations up in a table; without one, in what the caller's identity says. Both are
 * always looked at, so that every answer takes the same time.
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

/** The id of an organization in what an identity says; the name itself if it says no other. */
export const idFor = (
  { organizations }: Principal,
  slug: OrganizationSlug,
): OrganizationId | undefined =>
  // Not every name can be an id: a name with a dot cannot.
  organizations === "every" ? (isId(slug) ? slug : undefined) : organizations.get(slug);

export const NOT_FOUND = Effect.fail(new OrganizationNotFound());
