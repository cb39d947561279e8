import * as Effect from "effect/Effect";
import type { IdentityUnavailable } from "../../domain/errors.ts";
import type { OrganizationId } from "../../domain/organization.ts";
import { DEFAULT_STORE, type Place, type StoreName } from "../../domain/place.ts";
import type { Organizations } from "../ports/organizations.ts";
import type { Placed } from "../ports/stores.ts";

/**
 * Returns a function that says where an organization's files are. The first that knows decides: the
 * document of stores, the caller's claim, the directory or the host, a link's hint.
 */
export const placement =
  (
    /** The places of the document in force, by the ids of organizations. */
    places: () => ReadonlyMap<OrganizationId, Place>,
    { placeOf = NOWHERE }: Pick<Organizations["Service"], "placeOf">,
  ) =>
  (placed: Placed): Effect.Effect<Place, IdentityUnavailable> => {
    const store = claimedStore(placed.caller);
    const known = places().get(placed.organization) ?? (store && { store });
    if (known !== undefined) return Effect.succeed(known);
    return Effect.map(placeOf(placed), (found) => found ?? { store: placed.hint ?? DEFAULT_STORE });
  };

/** Returns the store that a caller's identity names for an organization. */
export function claimedStore(caller: Placed["caller"]): StoreName | undefined {
  if (caller === undefined) return undefined;
  const { store } = caller.principal;
  return typeof store === "object" ? store.get(caller.slug) : store;
}

const NOWHERE = () => Effect.succeed(undefined);
