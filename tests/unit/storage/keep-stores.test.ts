import { expect, it } from "@effect/vitest";
import * as Context from "effect/Context";
import * as Deferred from "effect/Deferred";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import * as Layer from "effect/Layer";
import * as Logger from "effect/Logger";
import * as Option from "effect/Option";
import * as References from "effect/References";
import * as TestClock from "effect/testing/TestClock";
import { keepStores } from "../../../adapters/storage/several/keep-stores.ts";
import { abilitiesWithout } from "../../../application/ports/abilities.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { Policies } from "../../../application/ports/policies.ts";
import { Presigner } from "../../../application/ports/presigner.ts";
import { StoreUnavailable } from "../../../domain/errors.ts";
import { StoreName } from "../../../domain/place.ts";
import { StorageKey } from "../../../domain/storage-key.ts";

const [EU, US] = [StoreName.make("eu"), StoreName.make("us")];
const KEY = StorageKey.make("orgs/a/files/1970/01/00000000-0000-4000-8000-000000000000.txt");

/** Stores that say when they are opened and closed; `head` answers once it may. */
const start = Effect.fnUntraced(function* (
  opened: Effect.Effect<void, StoreUnavailable> = Effect.void,
) {
  const events: Array<string> = [];
  const mayAnswer = yield* Deferred.make<void>();
  const kept = yield* keepStores<{ readonly fingerprint: string }>({
    layerOf: (name, { fingerprint }) =>
      Layer.effectContext(
        Effect.gen(function* () {
          yield* opened;
          const what = `${name} ${fingerprint}`;
          yield* Effect.acquireRelease(
            Effect.sync(() => events.push(`open ${what}`)),
            () => Effect.sync(() => events.push(`close ${what}`)),
          );
          return Context.make(Presigner, {
            put: () => Effect.never,
            get: () => Effect.never,
            isRemote: false,
            publicOrigin: "https://store.example.com",
          }).pipe(
            Context.add(ObjectStore, {
              abilities: abilitiesWithout(),
              ensureBucket: Effect.void,
              head: () => Effect.as(Deferred.await(mayAnswer), Option.none()),
              remove: () => Effect.never,
            } as ObjectStore["Service"]),
          );
        }),
      ),
    contextOf: (_, __, ports) => Context.add(ports, Policies, new Map()),
  });
  const stores = (...names: ReadonlyArray<readonly [StoreName, string]>) =>
    kept.replace(new Map(names.map(([name, fingerprint]) => [name, { fingerprint }])));
  stores([EU, "1"], [US, "1"]);
  const call = Effect.flatMap(kept.named(EU), (context) =>
    Context.get(context, ObjectStore).head(KEY),
  );
  return { ...kept, events, stores, call, answer: Deferred.succeed(mayAnswer, undefined) };
});

it.effect("a store is opened once, when it is first used, and closed when it is idle", () =>
  Effect.gen(function* () {
    const { named, events } = yield* start();
    yield* TestClock.adjust("1 hour");
    expect(events).toEqual([]);
    yield* Effect.all([named(EU), named(EU), named(EU)], { concurrency: "unbounded" });
    expect(Exit.isExit(named(EU)), "an open store is there at once").toBe(true);
    yield* TestClock.adjust("14 minutes");
    yield* named(EU);
    yield* TestClock.adjust("14 minutes");
    expect(events).toEqual(["open eu 1"]);
    yield* TestClock.adjust("2 minutes");
    expect(events).toEqual(["open eu 1", "close eu 1"]);
    yield* named(EU);
    expect(events.slice(2)).toEqual(["open eu 1"]);
  }),
);

it.effect("a store stays open while a call to it is under way, also when it was replaced", () =>
  Effect.gen(function* () {
    const { named, call, answer, stores, events } = yield* start();
    const calling = yield* Effect.forkChild(call);
    yield* TestClock.adjust("2 hours");
    stores([EU, "2"], [US, "1"]);
    yield* named(EU);
    yield* TestClock.adjust("10 minutes");
    yield* named(EU);
    yield* TestClock.adjust("10 minutes");
    expect(events).toEqual(["open eu 1", "open eu 2"]);
    yield* answer;
    expect(yield* Fiber.join(calling)).toEqual(Option.none());
    yield* TestClock.adjust("16 minutes");
    expect(events.slice(2).toSorted()).toEqual(["close eu 1", "close eu 2"]);
  }),
);

it.effect("a store that was taken out while it was being opened is closed too", () =>
  Effect.gen(function* () {
    const mayOpen = yield* Deferred.make<void>();
    const { named, stores, events } = yield* start(Deferred.await(mayOpen));
    const asking = yield* Effect.forkChild(named(EU));
    yield* TestClock.adjust("1 second");
    stores([US, "1"]);
    yield* Deferred.succeed(mayOpen, undefined);
    yield* Fiber.join(asking);
    yield* TestClock.adjust("17 minutes");
    expect(events).toEqual(["open eu 1", "close eu 1"]);
  }),
);

it.effect("another document opens again only the stores whose settings are others", () =>
  Effect.gen(function* () {
    const { named, stores, events } = yield* start();
    yield* Effect.all([named(EU), named(US)]);
    stores([EU, "1"], [US, "2"]);
    yield* Effect.all([named(EU), named(US)]);
    expect(events).toEqual(["open eu 1", "open us 1", "open us 2"]);
    stores([US, "2"]);
    expect((yield* Effect.flip(named(EU))).reason).toMatch("there is no store eu");
  }),
);

it.effect("a store that cannot be opened is tried again by the next request", () =>
  Effect.gen(function* () {
    let isDown = true;
    const down = new StoreUnavailable({ kind: "unreachable", reason: "it is down" });
    const { named, events } = yield* start(
      Effect.suspend(() => (isDown ? Effect.fail(down) : Effect.void)),
    );
    const failures = yield* Effect.all([Effect.flip(named(EU)), Effect.flip(named(EU))]);
    expect(failures.map(({ reason }) => reason)).toEqual(
      Array.from({ length: 2 }, () => "the store eu cannot be used: it is down"),
    );
    isDown = false;
    yield* named(EU);
    expect(events).toEqual(["open eu 1"]);
  }),
);

it.effect("a store that hangs while it is opened is given up, and others are not held up", () =>
  Effect.gen(function* () {
    const { named } = yield* start(Effect.never);
    const opening = yield* Effect.forkChild(Effect.flip(named(EU)));
    yield* TestClock.adjust("10 seconds");
    expect((yield* Fiber.join(opening)).reason).toMatch("not opened within 10 seconds");
  }),
);

it.effect("all stores are closed at the end", () =>
  Effect.gen(function* () {
    const events = yield* Effect.scoped(
      Effect.gen(function* () {
        const { named, events } = yield* start();
        yield* Effect.all([named(EU), named(US)]);
        return events;
      }),
    );
    expect(events.slice(2).toSorted()).toEqual(["close eu 1", "close us 1"]);
  }),
);

it.effect("what the log says while a store is opened names it", () => {
  const said: Array<unknown> = [];
  const logger = Logger.make(({ fiber }) =>
    said.push(Context.get(fiber.context, References.CurrentLogAnnotations)["store"]),
  );
  return Effect.gen(function* () {
    const { named } = yield* start(Effect.logWarning("its key may do more"));
    yield* named(EU);
    expect(said).toEqual(["eu"]);
  }).pipe(Effect.provide(Logger.layer([logger])));
});
