import * as Effect from "effect/Effect";
import type { ObjectStore } from "../ports/object-store.ts";
import type { Policies } from "../ports/policies.ts";
import type { Presigner } from "../ports/presigner.ts";
import { type Placed, Stores } from "../ports/stores.ts";

/** Runs a program in the store of an organization; as it is, where there is one store. */
export const inStoreOf = <A, E, R>(
  placed: Placed,
  program: Effect.Effect<A, E, R | ObjectStore | Policies | Presigner>,
) =>
  Effect.flatMap(Stores, (stores) =>
    stores === undefined
      ? program
      : Effect.flatMap(stores.of(placed), (store) => Effect.provideContext(program, store)),
  );
