import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { forEachOrganization } from "../../../application/files/for-each-organization.ts";
import { OrganizationId } from "../../../domain/organization.ts";

/** A store with these keys, in pages of one, and the number of its calls. */
function storeOf(...keys: ReadonlyArray<string>) {
  const sorted = keys.toSorted();
  const store = {
    calls: 0,
    list: {
      objects: ({ prefix, after = "" }: { readonly prefix: string; readonly after?: string }) =>
        Effect.sync(() => {
          store.calls += 1;
          const rest = sorted.filter((key) => key.startsWith(prefix) && key > after);
          const found = rest.slice(0, 1).map((key) => ({ key, size: 5, etag: '"e"', age: 0 }));
          return { found, ...(rest.length > 1 && { next: found[0]?.key }) };
        }),
    },
  };
  const organizations = (after?: string) => {
    const seen: Array<string> = [];
    return forEachOrganization(
      (organization) => Effect.sync(() => seen.push(organization)),
      after === undefined ? undefined : OrganizationId.make(after),
    ).pipe(
      Effect.provideService(ObjectStore, store as unknown as ObjectStore["Service"]),
      Effect.as(seen),
    );
  };
  return { store, organizations };
}

const files = (organization: string, count: number) =>
  Array.from({ length: count }, (_, at) => `orgs/${organization}/files/2026/11/${at}.png`);

it.effect("organizations are found by one call each, however many files they have", () =>
  Effect.gen(function* () {
    const ids = ["acme", "acme-2", "acme0", "Acme", "a", "acme_1"];
    const { store, organizations } = storeOf(...ids.flatMap((id) => files(id, 500)), "zoo/a.png");
    expect(yield* organizations()).toEqual(
      ids
        .map((id) => `${id}/`)
        .toSorted()
        .map((id) => id.slice(0, -1)),
    );
    expect(store.calls).toBe(ids.length + 1);
  }),
);

it.effect("what others have stored among organizations is passed over", () =>
  Effect.gen(function* () {
    const { store, organizations } = storeOf(
      "orgs/acme",
      ...files("acme", 2),
      ...files("not an id", 500),
      "orgs/readme.txt",
    );
    expect(yield* organizations()).toEqual(["acme"]);
    expect(store.calls).toBe(5);
  }),
);

it.effect("a list goes on after an organization", () =>
  Effect.gen(function* () {
    const { organizations } = storeOf(...["a", "b", "c"].flatMap((id) => files(id, 3)));
    expect(yield* organizations("a")).toEqual(["b", "c"]);
    expect(yield* organizations("c")).toEqual([]);
  }),
);
