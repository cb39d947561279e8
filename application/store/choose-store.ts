import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import { type IdentityUnavailable, StoreUnavailable } from "../../domain/errors.ts";
import type { Place } from "../../domain/place.ts";
import { ObjectStore } from "../ports/object-store.ts";
import { Presigner } from "../ports/presigner.ts";
import type { Placed, StoreChoice, StoreContext } from "../ports/stores.ts";
import { bothStores, portsIn } from "./both-stores.ts";

/** Chooses the store of an organization, or one that is made of two while its files are moved. */
export const chooseStore = ({
  named,
  placeOf,
}: {
  readonly named: StoreChoice["named"];
  readonly placeOf: (placed: Placed) => Effect.Effect<Place, IdentityUnavailable>;
}): StoreChoice => {
  /** The same for the same two: requests share work by their store. */
  const pairs = new WeakMap<StoreContext, WeakMap<StoreContext, StoreContext>>();
  const pairOf = (to: StoreContext, from: StoreContext) => {
    const pairsOfOne = pairs.get(to) ?? new WeakMap<StoreContext, StoreContext>();
    pairs.set(to, pairsOfOne);
    const pair = pairsOfOne.get(from) ?? joined(to, from);
    pairsOfOne.set(from, pair);
    return pair;
  };
  const at = ({ store, from }: Place): Effect.Effect<StoreContext, StoreUnavailable> =>
    from === undefined ? named(store) : Effect.zipWith(named(store), named(from), pairOf);
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

/** Uploads go to the first, by its policies. */
function joined(to: StoreContext, from: StoreContext): StoreContext {
  const { presigner, store } = bothStores(portsIn(to), portsIn(from));
  // A CDN stands before one bucket alone.
  const nowhere = { ...presigner, publicRoot: undefined };
  return to.pipe(Context.add(Presigner, nowhere), Context.add(ObjectStore, store));
}
