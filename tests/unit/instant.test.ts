import * as DateTime from "effect/DateTime";
import fc from "fast-check";
import { expect, it } from "vitest";
import { isoOf } from "../../adapters/http/instant.ts";

it("an instant is written as DateTime writes it, however many were written before", () => {
  const instant = fc
    .integer({ min: 0, max: 50 })
    .map((seconds) => DateTime.makeUnsafe(seconds * 1000));
  fc.assert(
    fc.property(fc.array(instant, { maxLength: 100 }), (instants) => {
      expect(instants.map(isoOf)).toEqual(instants.map(DateTime.formatIso));
    }),
  );
});
