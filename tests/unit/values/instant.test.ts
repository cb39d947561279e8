import fc from "fast-check";
import { expect, it } from "vitest";
import { isoText } from "../../../adapters/values/time.ts";

it("an instant is written as Date writes it, however many were written before", () => {
  const instants = fc.array(fc.integer({ min: -50_000, max: 50_000 }), { maxLength: 100 });
  fc.assert(
    fc.property(instants, (instants) => {
      expect(instants.map(isoText)).toEqual(
        instants.map((instant) => new Date(instant).toISOString()),
      );
    }),
  );
});
