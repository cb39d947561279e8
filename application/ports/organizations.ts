import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import type { IdentityUnavailable, OrganizationNotFound } from "../../domain/errors.ts";
import type { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
import type { Place } from "../../domain/place.ts";
import type { Principal } from "../../domain/principal.ts";
import type { Placed } from "./stores.ts";

/**
 * Resolves the organization named in an address for the caller. It does the same work for an
 * organization that does not exist and for one that is not the caller's.
 */
export class Organizations extends Context.Service<
  Organizations,
  {
    readonly resolve: (
      principal: Principal,
      slug: OrganizationSlug,
    ) => Effect.Effect<OrganizationId, OrganizationNotFound | IdentityUnavailable>;
    /** Returns where an organization's files are, if it knows; absent if it never does. */
    readonly placeOf?:
      | ((placed: Placed) => Effect.Effect<Place | undefined, IdentityUnavailable>)
      | undefined;
  }
>()("valetkey/Organizations") {}
