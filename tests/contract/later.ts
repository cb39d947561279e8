import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { ObjectStore, Page } from "../../application/ports/object-store.ts";

const DAY = 24 * 60 * 60 * 1000;

/** The same store, days later for the keys that are old. */
export function later(
  store: ObjectStore["Service"],
  days: number,
  isOld: (key: string) => boolean = () => true,
): ObjectStore["Service"] {
  const older = <A extends { readonly age?: number }>(key: string, each: A): A =>
    isOld(key) ? { ...each, age: (each.age ?? 0) + days * DAY } : each;
  const page = <A extends { readonly key: string; readonly age: number }, N, E>(
    found: Effect.Effect<Page<A, N>, E>,
  ) =>
    Effect.map(found, (page) => ({
      ...page,
      found: page.found.map((each) => older(each.key, each)),
    }));
  const { list, parts } = store;
  return {
    ...store,
    head: (key) =>
      Effect.map(
        store.head(key),
        Option.map((found) => older(key, found)),
      ),
    ...(list && { list: { ...list, objects: (below) => page(list.objects(below)) } }),
    ...(parts && { parts: { ...parts, listOpen: (below) => page(parts.listOpen(below)) } }),
  };
}
