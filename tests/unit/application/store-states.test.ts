import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as Option from "effect/Option";
import * as TestClock from "effect/testing/TestClock";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { makeStoreStates } from "../../../application/store/store-states.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { StoreName } from "../../../domain/place.ts";
import { StorageKey } from "../../../domain/storage-key.ts";

const key = StorageKey.make("orgs/acme/files/2026/11/00000000-0000-4000-8000-000000000000.txt");
const DOWN = new StoreUnavailable({ kind: "unreachable", reason: "it is down" });

/** Stores that are down if they are said to be, what was asked of them, and what was logged. */
const watching = () => {
  const states = makeStoreStates();
  const down = new Set<string>();
  const looks: Array<string> = [];
  const log: Array<string> = [];
  const logger = Logger.layer([
    Logger.make<unknown, void>(({ message }) => void log.push(String([message].flat()[0]))),
  ]);
  const open = (name: string) => {
    const answer = <A>(value: A) =>
      Effect.suspend(() => (down.has(name) ? Effect.fail(DOWN) : Effect.succeed(value)));
    const store = ObjectStore.of({
      abilities: new Set(),
      ensureBucket: Effect.andThen(
        Effect.sync(() => looks.push(name)),
        answer(undefined),
      ),
      head: () => answer(Option.none()),
      remove: () => answer(undefined),
    });
    const presigner = { get: () => Effect.void, put: () => Effect.void } as never;
    const layer = Layer.merge(
      Layer.succeed(ObjectStore, store),
      Layer.succeed(Presigner, presigner),
    );
    return Effect.map(
      Layer.build(Layer.provide(states.watched(StoreName.make(name), layer), logger)),
      (context) => ObjectStore.pipe(Effect.provideContext(context)),
    );
  };
  return { states, down, looks, log, open };
};

it.effect("a store is looked at when it is opened and every ten minutes, and not for a probe", () =>
  Effect.gen(function* () {
    const { states, looks, log, open } = watching();
    yield* open("eu");
    for (let probe = 0; probe < 100; probe++) {
      yield* TestClock.adjust("1 second");
      expect(states.problem()).toBeUndefined();
    }
    expect(looks).toHaveLength(1);
    yield* TestClock.adjust("10 minutes");
    expect([looks.length, log]).toEqual([2, []]);
  }).pipe(Effect.scoped),
);

it.effect(
  "a call that fails shows that its store is down, and one that succeeds that it is back",
  () =>
    Effect.gen(function* () {
      const { states, down, looks, log, open } = watching();
      const { head } = yield* yield* open("eu");
      yield* open("us");
      yield* TestClock.adjust("2 minutes");
      down.add("eu");
      for (let call = 0; call < 100; call++) yield* Effect.exit(head(key));
      yield* TestClock.adjust(0);
      expect(states.problem()).toBe("eu (it is down)");
      down.delete("eu");
      yield* TestClock.adjust("1 second");
      yield* head(key);
      yield* TestClock.adjust(0);
      expect(states.problem()).toBeUndefined();
      expect(looks).toEqual(["eu", "us", "eu", "eu"]);
      expect(log).toEqual(["the store eu is not ready", "the store eu is ready again"]);
    }).pipe(Effect.scoped),
);

it.effect(
  "a store that is down is looked at less and less, once a minute in the end, and back by itself",
  () =>
    Effect.gen(function* () {
      const { states, down, looks, log, open } = watching();
      down.add("eu");
      yield* open("eu");
      yield* TestClock.adjust("1 hour");
      expect(looks.length).toBeGreaterThan(55);
      expect(looks.length).toBeLessThan(70);
      down.delete("eu");
      yield* TestClock.adjust("1 minute");
      expect(states.problem()).toBeUndefined();
      expect(log).toEqual(["the store eu is not ready", "the store eu is ready again"]);
    }).pipe(Effect.scoped),
);

it.effect("of many stores that are down five are named, and none that was closed", () =>
  Effect.gen(function* () {
    const { states, down, open } = watching();
    yield* Effect.gen(function* () {
      for (let index = 0; index < 8; index++) {
        down.add(`s${index}`);
        yield* open(`s${index}`);
      }
      yield* TestClock.adjust(0);
      const named = [0, 1, 2, 3, 4].map((index) => `s${index} (it is down)`).join(", ");
      expect(states.problem()).toBe(`${named}, and 3 more`);
    }).pipe(Effect.scoped);
    expect(states.problem()).toBeUndefined();
  }),
);
