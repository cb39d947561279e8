import fc from "fast-check";
import { expect, it } from "vitest";
import { addToDay, DAY, restOfDay, takeBack, type Usage } from "../../../domain/daily-quota.ts";

const ONE = { bytes: 1, objects: 1 };
const NOON = 20_000 * DAY + DAY / 2;
const size = fc.oneof(
  fc.integer({ min: 0, max: 1000 }),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
);
const quotas = fc.record(
  {
    bytes: fc.oneof(
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 2 ** 52, max: 2 ** 53 - 1 }),
    ),
    objects: fc.integer({ min: 1, max: 20 }),
  },
  { requiredKeys: [] },
);

/** Uploads, each so many milliseconds after the one before; before it where the clock is set back. */
const uploads = fc.array(
  fc.record({
    size,
    step: fc.oneof(
      { weight: 4, arbitrary: fc.constant(0) },
      { weight: 4, arbitrary: fc.integer({ min: 0, max: DAY / 4 }) },
      { weight: 1, arbitrary: fc.integer({ min: -DAY, max: 0 }) },
    ),
  }),
  { maxLength: 60, size: "max" },
);

it("an upload is granted exactly if its day has bytes and objects left, and no day comes twice", () => {
  fc.assert(
    fc.property(quotas, uploads, (quota, uploads) => {
      let now = NOON;
      let usage: Usage | undefined;
      const granted = new Map<number, { bytes: bigint; objects: number }>();
      for (const { size, step } of uploads) {
        now += step;
        const day = Math.max(Math.floor(now / DAY), usage?.day ?? 0);
        const { bytes, objects } = granted.get(day) ?? { bytes: 0n, objects: 0 };
        const after = { bytes: bytes + BigInt(size), objects: objects + 1 };
        const fits =
          (quota.bytes === undefined || after.bytes <= BigInt(quota.bytes)) &&
          (quota.objects === undefined || after.objects <= quota.objects);
        const added = addToDay(quota, usage, { bytes: size, objects: 1 }, now);
        expect(added !== undefined).toBe(fits);
        if (added === undefined) continue;
        usage = added;
        granted.set(day, after);
        expect(usage.day).toBe(day);
        expect(usage.objects).toBe(after.objects);
        if (quota.bytes !== undefined) expect(BigInt(usage.bytes)).toBe(after.bytes);
      }
    }),
  );
});

it("bytes that are taken back were added on that day, and never leave less than nothing", () => {
  const usage = { day: 20_000, bytes: 5, objects: 2 };
  expect(takeBack(usage, ONE)).toEqual({ day: 20_000, bytes: 4, objects: 1 });
  // The upload was counted the day before.
  expect(takeBack(usage, { bytes: 6, objects: 3 })).toEqual({ day: 20_000, bytes: 0, objects: 0 });
});

it("the rest of a day is exact to the second", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000_000_000 }), (now) => {
      const seconds = restOfDay(now);
      const day = Math.floor(now / DAY);
      expect(Math.floor((now + seconds * 1000) / DAY)).toBe(day + 1);
      expect(Math.floor((now + (seconds - 1) * 1000) / DAY)).toBe(day);
    }),
  );
});
