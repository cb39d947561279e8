import * as Effect from "effect/Effect";
import { type IdentityUnavailable, StoreUnavailable } from "../../domain/errors.ts";
import type { Place } from "../../domain/place.ts";
import type { Placed, StoreChoice, StoreContext } from "../ports/stores.ts";

/** Chooses the store of an organization, or one that is made of two while its files are moved. */
export const chooseStore = (stores: {
  readonly named: StoreChoice["named"];
  readonly placeOf: (placed: Placed) => Effect.Effect<Place, IdentityUnavailable>;
  readonly both: (to: StoreContext, from: StoreContext) => StoreContext;
}): StoreChoice => {
  const { named, placeOf, both } = stores;
  /** The same for the same two: requests share work by their store. */
  const pairs = new WeakMap<StoreContext, WeakMap<StoreContext, StoreContext>>();
  const bothOf = (to: StoreContext, from: StoreContext) => {
    const pairsOf = pairs.get(to) ?? new WeakMap<StoreContext, StoreContext>();
    pairs.set(to, pairsOf);
    const pair = pairsOf.get(from) ?? both(to, from);
    pairsOf.set(from, pair);
    return pair;
  };
  const at = ({ store, from }: Place): Effect.Effect<StoreContext, StoreUnavailable> =>
    from === undefined ? named(store) : Effect.zipWith(named(store), named(from), bothOf);
  return {
    named,
    of: (placed) =>
      Effect.flatMapEager(placeOf(placed), (place) =>
        Effect.catchEager(at(place), ({ reason, ...facts }) =>
          Effect.fail(
            new StoreUnavailable({
              ...facts,
              reason: `the store of organization ${placed.organization}: ${reason}`,
            }),
          ),
        ),
      ),
  };
};
