import * as Context from "effect/Context";
import type * as Effect from "effect/Effect";
import * as Schema from "effect/Schema";
import type { OrganizationId, OrganizationSlug } from "../../domain/organization.ts";
import type { Principal } from "../../domain/principal.ts";
import type { IdentityUnavailable } from "./authenticator.ts";

/** There is no such organization, or it is not the caller's: a caller cannot tell which. */
export class OrganizationNotFound extends Schema.TaggedError<OrganizationNotFound>()(
  "OrganizationNotFound",
  {},
) {}

/**
 * Resolves the organization named in an address for the caller who named it, with the same work
 * whether it does not exist or is not the caller's.
 */
export class Organizations extends Context.Service<
  Organizations,
  {
    readonly resolve: (
      principal: Principal,
      slug: OrganizationSlug,
    ) => Effect.Effect<OrganizationId, OrganizationNotFound | IdentityUnavailable>;
  }
>()("valetkey/Organizations") {}
