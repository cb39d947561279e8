import { expect, it } from "@effect/vitest";
import { SecureRandom } from "effect/crypto/SecureRandom";
import * as Effect from "effect/Effect";
import { layer } from "../../../adapters/tokens/random.ts";

it.effect("random bytes are returned once, and do not change afterwards", () =>
  Effect.gen(function* () {
    const random = yield* SecureRandom;
    const given: Array<Uint8Array> = [];
    for (let i = 0; i < 2000; i++) given.push(yield* random.randomBytes(16));
    const texts = given.map((bytes) => Buffer.from(bytes).toString("hex"));
    expect(new Set(texts).size).toBe(2000);
    expect(new Set(texts)).not.toContain("0".repeat(32));
    expect(yield* random.randomBytes(10_000)).toHaveLength(10_000);
    expect(given.map((bytes) => Buffer.from(bytes).toString("hex"))).toEqual(texts);
  }).pipe(Effect.provide(layer)),
);
