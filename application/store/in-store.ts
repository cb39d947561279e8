import * as Effect from "effect/Effect";
import { StoreUnavailable } from "../../domain/errors.ts";
import { DEFAULT_STORE, type StoreName } from "../../domain/place.ts";
import { type Placed, type StoreContext, Stores, UploadStore } from "../ports/stores.ts";

/** What tokens of an upload say of its store. */
interface Began {
  /** Undefined for the default store. */
  readonly store?: StoreName | undefined;
}

/** Runs a program in the store of an organization; as it is, where there is one store. */
export const inStoreOf = <A, E, R>(placed: Placed, program: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Stores, (stores) =>
    stores === undefined ? program : Effect.flatMap(stores.of(placed), runIn(program)),
  );

/** Runs a program in a store. Fails if there is no such store, or no such store any more. */
export const inStoreNamed = <A, E, R>(name: StoreName, program: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Stores, (stores) => {
    if (stores !== undefined) return Effect.flatMap(stores.named(name), runIn(program));
    return name === DEFAULT_STORE ? program : noStores(name);
  });

/** Runs a program in the store in which an upload began. */
export const inStoreOfUpload = <A, E, R>(
  { store = DEFAULT_STORE }: Began,
  program: Effect.Effect<A, E, R>,
) => inStoreNamed(store, program);

/** The program still needs what it needs without stores. */
const runIn =
  <A, E, R>(program: Effect.Effect<A, E, R>) =>
  (store: StoreContext): Effect.Effect<A, E, R> =>
    Effect.provideContext(program, store) as Effect.Effect<A, E, R>;

/** Returns true if an upload began in another store than that of the context. */
export const isElsewhere = ({ store = DEFAULT_STORE }: Began) =>
  Effect.map(UploadStore, (here = DEFAULT_STORE) => store !== here);

const noStores = (name: StoreName) =>
  Effect.fail(
    new StoreUnavailable({
      kind: "refused",
      reason: `there is no store ${name}: STORES is not set`,
    }),
  );
