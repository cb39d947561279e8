import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { listOrganizations } from "../../../application/files/list-organizations.ts";

/** A store with these keys, in pages of one, and the number of its calls. */
function storeOf(keys: ReadonlyArray<string>, continuesAtPages = false) {
  const sorted = keys.toSorted();
  const store = {
    calls: 0,
    list: {
      continuesAtPages,
      objects: (below: { readonly prefix: string; readonly after?: string; limit: number }) =>
        Effect.sync(() => {
          store.calls += 1;
          const { prefix, after = "", limit } = below;
          const [, last = after] = /^page (.*)$/.exec(after) ?? [];
          const rest = sorted.filter((key) => key.startsWith(prefix) && key > last);
          const found = rest.slice(0, limit).map((key) => ({ key, size: 5, etag: '"e"', age: 0 }));
          const next = found.at(-1)?.key ?? "";
          return {
            found,
            ...(rest.length > limit && { next: continuesAtPages ? `page ${next}` : next }),
          };
        }),
    },
  };
  const organizations = listOrganizations.pipe(
    Effect.provideService(ObjectStore, store as unknown as ObjectStore["Service"]),
    Effect.map((found) => [...found].toSorted()),
  );
  return { store, organizations };
}

const files = (organization: string, count: number) =>
  Array.from({ length: count }, (_, at) => `orgs/${organization}/files/2026/11/${at}.png`);

const IDS = ["Acme", "a", "acme", "acme-2", "acme0", "acme_1"];

it.effect("organizations are found by one call each, however many files they have", () =>
  Effect.gen(function* () {
    const { store, organizations } = storeOf([...IDS.flatMap((id) => files(id, 500)), "zoo/a.png"]);
    expect(yield* organizations).toEqual(IDS);
    expect(store.calls).toBe(IDS.length + 1);
  }),
);

it.effect("a store that cannot continue after any key is listed whole", () =>
  Effect.gen(function* () {
    const { store, organizations } = storeOf(
      IDS.flatMap((id) => files(id, 500)),
      true,
    );
    expect(yield* organizations).toEqual(IDS);
    expect(store.calls).toBe(3);
  }),
);

it.effect("what others have stored among organizations is passed over", () =>
  Effect.gen(function* () {
    const keys = ["orgs/acme", ...files("acme", 2), ...files("not an id", 500), "orgs/readme.txt"];
    const { store, organizations } = storeOf(keys);
    expect(yield* organizations).toEqual(["acme"]);
    expect(store.calls).toBeLessThan(6);
  }),
);
