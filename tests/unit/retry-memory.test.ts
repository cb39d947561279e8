import { expect, it } from "@effect/vitest";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as TestClock from "effect/testing/TestClock";
import { inMemory } from "../../adapters/limits/memory.ts";
import { OrganizationId } from "../../domain/organization.ts";

const organization = OrganizationId.make("org_1");
const upload = (key: string, lifetime = Duration.days(1), objects = 1) => ({
  organization,
  caller: { kind: "user", subject: "mia" } as const,
  size: 1,
  objects,
  retry: {
    caller: ["user", "mia"],
    key,
    request: "a request",
    memory: "first",
    lifetime,
  },
});

/** A limiter, and how a request under a key begins in it. */
function start(objects = 1) {
  const limiter = inMemory({ requests: {}, daily: {} });
  const begin = (key = "a-key", lifetime?: Duration.Duration) =>
    Effect.match(limiter.countUpload(upload(key, lifetime, objects)), {
      onSuccess: (memory) => memory ?? "new",
      onFailure: ({ _tag }) => _tag,
    });
  const forget = (key = "a-key") => limiter.uncountUpload(upload(key, undefined, objects));
  return { ...limiter, begin, forget };
}

it.effect("a first request is forgotten once, unless another memory has taken its place", () =>
  Effect.gen(function* () {
    const { forget, replaceMemory, begin } = start();
    expect([yield* begin(), yield* begin()]).toEqual(["new", "first"]);
    yield* forget();
    yield* forget();
    expect(yield* begin()).toBe("new");
    expect(yield* replaceMemory({ ...upload("a-key"), memory: "second" })).toBe("second");
    yield* forget();
    expect(yield* begin()).toBe("second");
    expect(yield* replaceMemory({ ...upload("a-key"), memory: "third" })).toBe("second");
  }),
);

it.effect.each([1, 100])(
  "first requests for %i objects that expire, or are forgotten, make room for as many others",
  (objects) =>
    Effect.gen(function* () {
      const { forget, begin } = start(objects);
      const keys = Array.from({ length: 2500 / objects }, (_, key) => `${key}`);
      const beginAll = Effect.map(
        Effect.forEach(keys, (key) => begin(key)),
        (found) => new Set(found),
      );
      expect(yield* beginAll).toEqual(new Set(["new"]));
      expect(yield* begin("one more")).toBe("LimitsUnavailable");
      yield* TestClock.adjust("1 day");
      expect(yield* begin("one more")).toBe("new");
      yield* forget("one more");
      expect(yield* beginAll).toEqual(new Set(["new"]));
      yield* Effect.forEach(keys, (key) => forget(key));
      expect(yield* beginAll).toEqual(new Set(["new"]));
    }),
);

it.effect("a request that is sent again after it expired takes the room of one", () =>
  Effect.gen(function* () {
    const { begin } = start();
    const keys = Array.from({ length: 2500 }, (_, key) => `${key}`);
    yield* begin("0", Duration.seconds(10));
    yield* TestClock.adjust("20 seconds");
    yield* begin("0");
    const found = yield* Effect.forEach(keys, (key) => begin(key));
    expect(found.filter((memory) => memory !== "new")).toEqual(["first"]);
  }),
);
