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

/** Uploads, each so many milliseconds after the one before. */
const uploads = fc.array(
  fc.record({
    size,
    step: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: DAY / 4 })),
  }),
  { maxLength: 60, size: "max" },
);

it("an upload is granted exactly if bytes and objects are left for it", () => {
  fc.assert(
    fc.property(quotas, uploads, (quota, uploads) => {
      let now = NOON;
      let usage: Usage | undefined;
      const granted = new Map<number, { bytes: bigint; objects: number }>();
      for (const { size, step } of uploads) {
        now += step;
        const day = Math.floor(now / DAY);
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

it("a clock that is set back within a day gives nothing back", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: DAY - 1 }), { minLength: 11, maxLength: 40 }),
      (times) => {
        let usage: Usage | undefined;
        let granted = 0;
        for (const time of times) {
          const added = addToDay({ objects: 10 }, usage, ONE, 20_000 * DAY + time);
          if (added === undefined) continue;
          usage = added;
          granted++;
        }
        expect(granted).toBe(10);
      },
    ),
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

it("a clock that is set back and passes midnight again begins no new day", () => {
  const midnight = 20_001 * DAY;
  let usage: Usage | undefined;
  const granted = [midnight + 1, midnight - 1, midnight + 2, midnight - 2, midnight + 3].map(
    (now) => {
      const added = addToDay({ objects: 2 }, usage, ONE, now);
      usage = added ?? usage;
      return added !== undefined;
    },
  );
  expect(granted).toEqual([true, true, false, false, false]);
});
