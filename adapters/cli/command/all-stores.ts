import type * as Arr from "effect/Array";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import { listOrganizations } from "../../../application/files/list-organizations.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Usage } from "../../../application/ports/usage.ts";
import { guarded } from "../../../application/store/guarded-store.ts";
import { mergeLists } from "../../../application/store/merge-lists.ts";
import type { OrganizationId } from "../../../domain/organization.ts";
import type { ReadStore } from "./configuration.ts";
import { withWarnings } from "./store-log.ts";

type Store = ObjectStore["Service"];

/** Opens all stores but the first, which is open, and finds organizations in them. */
export const openAll = Effect.fnUntraced(function* ([
  first,
  ...others
]: Arr.NonEmptyReadonlyArray<ReadStore>) {
  const stores = new Map([[first.name, yield* ObjectStore]]);
  for (const { name, storage } of others) {
    const opened = yield* Layer.build(guarded(withWarnings(storage.layer)));
    stores.set(name, Context.get(opened, ObjectStore));
  }
  const of = <A, E, R>(organization: OrganizationId, work: Effect.Effect<A, E, R>) => {
    // Where nobody has written its place, it may be in any.
    const { store, from } = first.several?.organizations.get(organization) ?? {};
    const its = [from, store].flatMap((name) => (name && stores.get(name)) ?? []);
    return Effect.provideService(
      work,
      ObjectStore,
      merged(its.length > 0 ? its : [...stores.values()]),
    );
  };
  const organizations = Effect.gen(function* () {
    // Also those whose last files were removed from the store by others.
    const found = new Set(yield* (yield* Usage)?.organizations ?? Effect.succeed([]));
    for (const store of stores.values()) {
      const listed = yield* Effect.provideService(listOrganizations, ObjectStore, store);
      for (const each of listed) found.add(each);
    }
    return [...found].toSorted();
  });
  return { of, organizations };
});

/** Makes one store of the lists of several, in which each key is once. */
function merged(stores: ReadonlyArray<Store>): Store {
  const [first, ...others] = stores;
  const lists = stores.flatMap(({ list }) => list ?? []);
  if (first === undefined || others.length === 0) return first as Store;
  return {
    ...first,
    head: (key) =>
      others.reduce(
        (looked, { head }) =>
          Effect.flatMap(looked, (file) =>
            Option.isSome(file) ? Effect.succeed(file) : head(key),
          ),
        first.head(key),
      ),
    list: {
      objects: mergeLists(lists),
      continuesAtPages: lists.some(({ continuesAtPages }) => continuesAtPages),
    },
  };
}
