import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import * as Layer from "effect/Layer";
import * as Option from "effect/Option";
import * as Random from "effect/Random";
import * as Result from "effect/Result";
import * as TestClock from "effect/testing/TestClock";
import { guarded, guardStore } from "../../../application/store/guarded-store.ts";
import { ObjectStore } from "../../../application/ports/object-store.ts";
import { ObjectUnreadable, StoreUnavailable } from "../../../domain/errors.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { StorageKey } from "../../../domain/storage-key.ts";

type Fact = ConstructorParameters<typeof StoreUnavailable>[0];
type Answers = "answers" | "hangs" | Partial<Fact>;

const key = StorageKey.make("orgs/acme/files/2026/11/00000000-0000-4000-8000-000000000000.txt");
const OTHER = StorageKey.make(key.replace("acme", "globex"));
const upload = { key, uploadId: "an-upload" };

/** A store that does what it is told, and counts what reaches it. */
function storeThat(first: Answers) {
  const state = { does: first, calls: 0, underWay: 0, most: 0 };
  const call = <A>(value: A) =>
    Effect.suspend((): Effect.Effect<A, StoreUnavailable> => {
      const { does } = state;
      state.calls++;
      state.most = Math.max(state.most, ++state.underWay);
      if (does === "answers") return Effect.succeed(value);
      if (does === "hangs") return Effect.never;
      return Effect.fail(
        new StoreUnavailable({ kind: "unreachable", reason: "it is down", ...does }),
      );
    }).pipe(Effect.ensuring(Effect.sync(() => state.underWay--)));
  const store = guardStore({
    abilities: new Set(),
    ensureBucket: call(undefined),
    head: () => call(Option.none()),
    remove: () => call(undefined),
    parts: {
      create: () => call("an-upload"),
      list: () => call(Option.none()),
      complete: () => call("completed" as const),
      abort: () => call(undefined),
      listOpen: () => call({ found: [] }),
    },
  });
  const { parts } = store;
  const calls = {
    ensureBucket: store.ensureBucket,
    head: store.head(key),
    remove: store.remove({ key, version: "1" }),
    create: parts?.create({ key, contentType: MediaType.make("text/plain") }) ?? Effect.void,
    list: parts?.list(upload) ?? Effect.void,
    complete: parts?.complete({ ...upload, parts: [] }) ?? Effect.void,
    abort: parts?.abort(upload) ?? Effect.void,
    listOpen: parts?.listOpen({ prefix: "orgs/" }) ?? Effect.void,
  };
  return { state, calls, store };
}

/** Runs a call to its end, and lets the time pass that it waits for. */
const toItsEnd = <A, E>(call: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.result(call));
    yield* TestClock.adjust("2 minutes");
    return yield* Fiber.join(fiber);
  });

const kindOf = (result: Result.Result<unknown, { readonly _tag: string }>) =>
  Result.isSuccess(result)
    ? "ok"
    : result.failure instanceof StoreUnavailable
      ? result.failure.kind
      : result.failure._tag;

const TABLE = [
  ["ensureBucket", 30, 3],
  ["head", 5, 3],
  ["remove", 5, 3],
  ["create", 5, 1],
  ["list", 20, 3],
  ["complete", 60, 3],
  ["abort", 5, 3],
  ["listOpen", 20, 3],
] as const;

it.effect.each(TABLE)(
  "%s ends after %i seconds if the store does not answer, and reaches one that is down %i times",
  ([name, seconds, attempts]) =>
    Effect.gen(function* () {
      const { state, calls } = storeThat("hangs");
      const fiber = yield* Effect.forkChild(
        Effect.result<unknown, { _tag: string }, never>(calls[name]),
      );
      yield* TestClock.adjust(seconds * 1000 - 1);
      expect(fiber.pollUnsafe()).toBeUndefined();
      yield* TestClock.adjust(1);
      expect(kindOf(yield* Fiber.join(fiber))).toBe("timeout");
      expect([state.calls, state.underWay]).toEqual([1, 0]);
      const down = storeThat({ kind: "unreachable" });
      const reached = yield* toItsEnd<unknown, { _tag: string }>(down.calls[name]);
      expect([kindOf(reached), down.state.calls]).toEqual(["unreachable", attempts]);
    }),
);

it.effect.each([
  [{ kind: "unreachable" }, 3],
  [{ kind: "refused", isTemporary: true }, 3],
  [{ kind: "refused" }, 1],
  [{ kind: "senseless" }, 1],
  [{ kind: "timeout" }, 1],
] as const)("a call that fails with %j is made %i times", ([fact, attempts]) =>
  Effect.gen(function* () {
    const { state, calls } = storeThat(fact);
    expect(kindOf(yield* toItsEnd(calls.head))).toBe(fact.kind);
    expect(state.calls).toBe(attempts);
  }),
);

it.effect("a call is repeated after what Retry-After says and not before", () =>
  Effect.gen(function* () {
    const { state, calls } = storeThat({ kind: "refused", isTemporary: true, retryAfter: 3 });
    const fiber = yield* Effect.forkChild(Effect.result(calls.head));
    yield* TestClock.adjust(2999);
    expect(state.calls).toBe(1);
    yield* TestClock.adjust(101);
    expect(state.calls).toBe(2);
    // Three seconds more would be too late, so the client hears of it at once.
    const failure = Result.getOrThrow(Result.flip(yield* Fiber.join(fiber)));
    expect(failure).toMatchObject({ kind: "refused", retryAfter: 3 });
    expect(state.calls).toBe(2);
  }),
);

it.effect("repetitions come at any moment of a pause that doubles", () =>
  Effect.gen(function* () {
    for (const [share, pauses] of [
      [0, [0, 0]],
      [0.5, [50, 100]],
      [0.99, [99, 198]],
    ] as const) {
      const { state, calls } = storeThat({ kind: "unreachable" });
      const random = { nextDoubleUnsafe: () => share, nextIntUnsafe: () => 0 };
      yield* Effect.forkChild(
        Effect.provideService(Effect.result(calls.head), Random.Random, random),
      );
      yield* TestClock.adjust(0);
      for (const [index, pause] of pauses.entries()) {
        if (pause > 0) {
          yield* TestClock.adjust(pause - 1);
          expect(state.calls).toBe(index + 1);
          yield* TestClock.adjust(1);
        }
      }
      expect(state.calls).toBe(3);
    }
  }),
);

it.effect.each([0, 1000])(
  "repetitions are at most 10, and one for ten calls, also after %i calls that succeed",
  (before) =>
    Effect.gen(function* () {
      const { state, calls } = storeThat("answers");
      for (let made = 0; made < before; made++) yield* calls.head;
      state.does = { kind: "refused", isTemporary: true };
      state.calls = 0;
      for (let made = 0; made < 100; made++) yield* toItsEnd(calls.head);
      expect(state.calls).toBeGreaterThan(100);
      expect(state.calls).toBeLessThanOrEqual(100 + 10 + 10);
    }),
);

it.effect.each(["unreachable", "timeout"] as const)(
  "after five calls in a row that end with %s none reaches the store, and then one a second",
  (kind) =>
    Effect.gen(function* () {
      const { state, calls, store } = storeThat({ kind });
      const many = Effect.all(
        Array.from({ length: 100 }, () => Effect.result(calls.create)),
        { concurrency: "unbounded" },
      );
      for (let made = 0; made < 5; made++) {
        expect(store.isPaused?.()).toBe(false);
        expect(kindOf(yield* Effect.result(calls.create))).toBe(kind);
      }
      expect(store.isPaused?.()).toBe(true);
      for (let second = 1; second <= 5; second++) {
        const kinds = (yield* many).map(kindOf);
        expect(new Set(kinds)).toEqual(new Set(["shed"]));
        // Each look at another object too, of which the first said that the store is away.
        expect(state.calls).toBe(5 + second);
        yield* TestClock.adjust("1 second");
        expect((yield* many).map(kindOf).filter((each) => each === kind)).toHaveLength(1);
      }
      yield* TestClock.adjust("1 second");
      state.does = "answers";
      expect(kindOf(yield* Effect.result(calls.create))).toBe("ok");
      expect(store.isPaused?.()).toBe(false);
      expect(new Set((yield* many).map(kindOf))).toEqual(new Set(["ok"]));
    }),
);

it.effect("while one call asks whether the store is back, no other reaches it", () =>
  Effect.gen(function* () {
    const { state, calls } = storeThat({ kind: "unreachable" });
    for (let made = 0; made < 5; made++) yield* Effect.result(calls.create);
    state.does = "hangs";
    yield* TestClock.adjust("1 second");
    const probe = yield* Effect.forkChild(Effect.result(calls.complete));
    yield* TestClock.adjust("1999 millis");
    for (let made = 0; made < 100; made++) {
      expect(kindOf(yield* Effect.result(calls.create))).toBe("shed");
    }
    expect(state.calls).toBe(7);
    // A caller who leaves makes room for the next.
    yield* Fiber.interrupt(probe);
    state.does = "answers";
    expect(kindOf(yield* Effect.result(calls.create))).toBe("ok");
  }),
);

it.effect("an uploader whose objects hang pauses nobody, however many they are", () =>
  Effect.gen(function* () {
    const { state, calls, store } = storeThat("answers");
    const hanging = guardStore({
      ...store,
      // As MinIO while a PUT of this key stalls.
      head: (object) => (object === key ? Effect.never : store.head(object)),
    });
    const stalled = yield* Effect.forEach(Array.from({ length: 50 }), () =>
      Effect.forkChild(Effect.result(hanging.head(key))),
    );
    for (let second = 1; second <= 8; second++) {
      yield* TestClock.adjust("1 second");
      const asked = [hanging.remove({ key, version: "1" }), hanging.head(OTHER)];
      const kinds = (yield* Effect.all(asked.map(Effect.result))).map(kindOf);
      expect(kinds).toEqual(["ok", "ok"]);
      expect(hanging.isPaused?.()).toBe(false);
    }
    const kinds = (yield* Effect.forEach(stalled, Fiber.join)).map(kindOf);
    expect(new Set(kinds)).toEqual(new Set(["timeout"]));
    // The store itself is away: as before.
    state.does = { kind: "timeout" };
    for (let made = 0; made < 5; made++) yield* Effect.result(calls.create);
    expect(store.isPaused?.()).toBe(true);
  }),
);

it.effect.each([{ kind: "refused" }, { kind: "senseless" }] as const)(
  "a store that answers with %j is asked each time",
  (fact) =>
    Effect.gen(function* () {
      const { state, calls } = storeThat(fact);
      for (let made = 0; made < 100; made++) yield* Effect.result(calls.head);
      expect(state.calls).toBe(100);
    }),
);

it.effect("an object that nobody can read is an answer, and is not asked for twice", () =>
  Effect.gen(function* () {
    let calls = 0;
    const store = guardStore({
      abilities: new Set(),
      ensureBucket: Effect.void,
      remove: () => Effect.void,
      head: () =>
        Effect.suspend(() => {
          calls++;
          return Effect.fail(new ObjectUnreadable({ header: "a-header" }));
        }),
    });
    for (let made = 0; made < 20; made++) {
      expect(kindOf(yield* Effect.result(store.head(key)))).toBe("ObjectUnreadable");
    }
    expect(calls).toBe(20);
    expect("parts" in store || "checkState" in store).toBe(false);
  }),
);

it.effect(
  "64 calls are under way at once, 256 wait for a second, and all others fail at once",
  () =>
    Effect.gen(function* () {
      const { state, calls } = storeThat("hangs");
      const fibers = yield* Effect.forEach(Array.from({ length: 500 }), () =>
        Effect.forkChild(Effect.result(calls.head)),
      );
      yield* TestClock.adjust(0);
      const ended = () => fibers.filter((fiber) => fiber.pollUnsafe() !== undefined).length;
      expect([state.underWay, ended()]).toEqual([64, 500 - 64 - 256]);
      yield* TestClock.adjust("1 second");
      expect([state.underWay, ended()]).toEqual([64, 500 - 64]);
      // One of them also looks whether the store is away.
      yield* TestClock.adjust("6 seconds");
      const kinds = (yield* Effect.forEach(fibers, Fiber.join)).map(kindOf);
      expect(kinds.filter((kind) => kind === "timeout")).toHaveLength(64);
      expect(kinds.filter((kind) => kind === "shed")).toHaveLength(436);
      expect([state.calls, state.most]).toEqual([65, 64]);
    }),
);

it.effect("whoever waits is next, and whoever leaves while waiting takes no place", () =>
  Effect.gen(function* () {
    const { state, calls } = storeThat("hangs");
    const fork = Effect.forkChild(Effect.result(calls.head));
    const underWay = yield* Effect.forEach(Array.from({ length: 64 }), () => fork);
    const leaving = yield* Effect.forEach(Array.from({ length: 256 }), () => fork);
    yield* TestClock.adjust(0);
    yield* Effect.forEach(leaving, Fiber.interrupt);
    const staying = yield* Effect.forEach(Array.from({ length: 256 }), () => fork);
    yield* TestClock.adjust(0);
    expect(staying.filter((fiber) => fiber.pollUnsafe() !== undefined)).toEqual([]);
    state.does = "answers";
    yield* Effect.forEach(underWay.slice(0, 1), Fiber.interrupt);
    const kinds = (yield* Effect.forEach(staying, Fiber.join)).map(kindOf);
    expect(new Set(kinds)).toEqual(new Set(["ok"]));
    expect(state.underWay).toBe(63);
  }),
);

it.effect("a guarded layer keeps what else the layer has", () =>
  Effect.gen(function* () {
    const { store } = storeThat("answers");
    const layer = Layer.succeed(ObjectStore, store);
    expect((yield* ObjectStore.pipe(Effect.provide(guarded(layer)))).isPaused?.()).toBe(false);
  }),
);

it.effect(
  "however many stores hang, another has places at once, and one alone has all of its own",
  () =>
    Effect.gen(function* () {
      const hanging = Array.from({ length: 40 }, () => storeThat("hangs"));
      const fibers: Array<Fiber.Fiber<unknown>> = [];
      for (const { calls } of hanging) {
        for (let call = 0; call < 320; call++) {
          fibers.push(yield* Effect.forkChild(Effect.result(calls.head)));
        }
      }
      yield* TestClock.adjust(0);
      const held = fibers.filter((fiber) => fiber.pollUnsafe() === undefined).length;
      // Below the requests that a process accepts.
      expect(held).toBeGreaterThan(1_000);
      expect(held).toBeLessThan(1_600);
      const { calls } = storeThat("answers");
      for (let call = 0; call < 100; call++)
        expect(kindOf(yield* Effect.result(calls.head))).toBe("ok");
      yield* Effect.forEach(fibers, Fiber.interrupt);
      const alone = storeThat("hangs");
      const all = yield* Effect.forEach(Array.from({ length: 320 }), () =>
        Effect.forkChild(Effect.result(alone.calls.head)),
      );
      yield* TestClock.adjust(0);
      expect(all.filter((fiber) => fiber.pollUnsafe() !== undefined)).toEqual([]);
    }),
);
