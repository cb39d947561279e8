import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { bothStores, type StorePorts } from "../../../application/store/both-stores.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { removedKey, StorageKey } from "../../../domain/storage-key.ts";

const KEY = StorageKey.make("orgs/org_1/files/2026/11/00000000-0000-4000-8000-000000000000.txt");

/** A store with these objects and versions of the file, which writes down what is done to it. */
function sideOf(name: string, objects: ReadonlyArray<string>, versions: ReadonlyArray<string>) {
  const done: Array<string> = [];
  let isAway = false;
  const away = new StoreUnavailable({ kind: "unreachable", reason: "as the test says" });
  const store = {
    ensureBucket: Effect.sync(() => void done.push("ensure")),
    head: (key: string) =>
      Effect.suspend(() =>
        isAway
          ? Effect.fail(away)
          : Effect.succeed(objects.includes(key) ? Option.some({ size: 5 }) : Option.none()),
      ),
    remove: ({ key }: { readonly key: string }) => Effect.sync(() => void done.push(key)),
    list: {
      objects: () => Effect.succeed({ found: [] }),
      versions: () => Effect.succeed({ found: versions.map((version) => ({ key: KEY, version })) }),
    },
  };
  const presigner = { get: () => Effect.succeed(name) };
  const ports = { store: ObjectStore.of(store as never), presigner } as unknown as StorePorts;
  return { ports, done, leave: () => (isAway = true) };
}

it.effect("a copy that is marked as removed stays while the old store does not answer", () =>
  Effect.gen(function* () {
    const [to, from] = [sideOf("to", [KEY, removedKey(KEY)], []), sideOf("from", [], [])];
    const { store } = bothStores(to.ports, from.ports);
    from.leave();
    expect(Option.isSome(yield* store.head(KEY))).toBe(true);
    expect(to.done).toEqual([]);
  }),
);

it.effect("a version is read where it is kept", () =>
  Effect.gen(function* () {
    const [to, from] = [sideOf("to", [KEY], ["new"]), sideOf("from", [KEY], ["old"])];
    const { presigner } = bothStores(to.ports, from.ports);
    for (const [version, name] of [
      ["new", "to"],
      ["old", "from"],
    ] as const) {
      expect(yield* presigner.get({ key: KEY, version } as never)).toBe(name);
    }
  }),
);

it.effect("both buckets are looked for", () =>
  Effect.gen(function* () {
    const sides = [sideOf("to", [], []), sideOf("from", [], [])] as const;
    yield* bothStores(sides[0].ports, sides[1].ports).store.ensureBucket;
    expect(sides.map(({ done }) => done)).toEqual([["ensure"], ["ensure"]]);
  }),
);
