import { expect, it } from "@effect/vitest";
import * as Effect from "effect/Effect";
import * as TestClock from "effect/testing/TestClock";
import { rememberedBucket } from "../../../adapters/storage/rest/remembered-bucket.ts";

it.effect(
  "a bucket that is there is asked for once in ten seconds, and one that is not each time",
  () =>
    Effect.gen(function* () {
      let asked = 0;
      let isThere = true;
      const look = rememberedBucket(Effect.sync(() => (asked++, isThere)));
      for (let objects = 0; objects < 100; objects += 1) expect(yield* look).toBe(true);
      expect(asked).toBe(1);
      isThere = false;
      yield* TestClock.adjust("10 seconds");
      for (let objects = 0; objects < 3; objects += 1) expect(yield* look).toBe(false);
      expect(asked).toBe(4);
    }),
);
