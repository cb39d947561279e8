import * as Duration from "effect/Duration";
import fc from "fast-check";
import { expect, it } from "vitest";
import { ByteSize } from "../../domain/byte-size.ts";
import { partCountOf, partLength, partSizeFor, tooManyOpen } from "../../domain/multipart.ts";

const MEBIBYTE = 2 ** 20;
const LARGEST = 5 * 2 ** 40;

it("the parts of any file up to 5 TiB are within the limits of stores, and add up to its size", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: LARGEST }), (bytes) => {
      const size = ByteSize.make(bytes);
      const partSize = partSizeFor(size);
      const count = partCountOf({ size, partSize });
      expect(partSize % MEBIBYTE).toBe(0);
      expect(partSize).toBeGreaterThanOrEqual(5 * MEBIBYTE);
      expect(partSize).toBeLessThanOrEqual(5 * 2 ** 30);
      expect(count).toBeLessThanOrEqual(10_000);
      const last = partLength({ size, partSize }, count) ?? 0;
      expect(last).toBeGreaterThan(0);
      expect(last).toBeLessThanOrEqual(partSize);
      expect((count - 1) * partSize + last).toBe(size);
      expect(partLength({ size, partSize }, count + 1)).toBeUndefined();
    }),
  );
});

it.each([
  [1, 5],
  [50_000 * MEBIBYTE, 5],
  [50_000 * MEBIBYTE + 1, 6],
  [LARGEST, 525],
])("a file of %d bytes goes in parts of %d MiB, the fewest that suffice", (size, mebibytes) => {
  expect(partSizeFor(ByteSize.make(size))).toBe(mebibytes * MEBIBYTE);
});

it.each([
  [0, 1],
  [1000, 1],
  [1001, 2],
  [59_000, 59],
  [3_600_000, 60],
])("a start refused %d ms before an upload expires is told to wait %d seconds", (left, seconds) => {
  expect(tooManyOpen(3, Duration.millis(left))).toMatchObject({
    multipart: 3,
    retryAfter: seconds,
  });
});
