import fc from "fast-check";
import { expect, it } from "vitest";
import { ByteSize } from "../../../domain/byte-size.ts";
import {
  compareParts,
  countParts,
  partLength,
  PartNumber,
  partSizeFor,
} from "../../../domain/multipart.ts";

const MEBIBYTE = 2 ** 20;
const LARGEST = 5 * 2 ** 40;

it("the parts of any file up to 5 TiB are within the limits of stores, and add up to its size", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: LARGEST }), (bytes) => {
      const size = ByteSize.make(bytes);
      const partSize = partSizeFor(size);
      const count = countParts({ size, partSize });
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
  ["as small as was asked for", 7_000_000, 300_000, 2 ** 18, 300_000],
  ["as small as the store takes", 7_000_000, 1, 2 ** 18, 2 ** 18],
  ["as few as 10,000", 2 ** 34, 2 ** 18, 2 ** 18, Math.ceil(2 ** 34 / 10_000)],
  ["never larger than usual", 7_000_000, 2 ** 30, 2 ** 18, 5 * MEBIBYTE],
  ["as usual where the store takes no smaller ones", 7_000_000, 2 ** 18, undefined, 5 * MEBIBYTE],
])("parts are %s", (_, size, wanted, least, expected) => {
  expect(partSizeFor(ByteSize.make(size), wanted, least)).toBe(expected);
});

it.each<[string, object, ReadonlyArray<number>, ReadonlyArray<number>, ReadonlyArray<string>]>([
  ["as granted and named", {}, [1, 2], [], []],
  ["not named", {}, [1], [2], []],
  ["not stored", { stored: [1] }, [1, 2], [2], []],
  ["of another size, and named", { size: 6 }, [1, 2], [], ["parts/2/size"]],
  ["of another size, and not named", { size: 6 }, [1], [2], ["parts/2/size"]],
  ["beyond the last", { stored: [1, 2, 3] }, [1, 2], [], ["parts/3/size"]],
  ["not those that are named", { etag: "b" }, [1, 2], [], ["parts/1/etag", "parts/2/etag"]],
])("parts that are %s", (_, over, named, missing, differing) => {
  const {
    stored = [1, 2],
    size = 5,
    etag = "a",
  } = over as {
    readonly stored?: ReadonlyArray<number>;
    readonly size?: number;
    readonly etag?: string;
  };
  const partSize = ByteSize.make(5 * MEBIBYTE);
  const faults = compareParts(
    { partSize, size: ByteSize.make(partSize + 5) },
    stored.map((partNumber) => ({
      partNumber,
      size: partNumber === 1 ? partSize : size,
      etag: `"${etag}"`,
    })),
    named.map((number) => ({ partNumber: PartNumber.make(number), etag: "a" })),
  );
  expect(faults.missing).toEqual(missing);
  expect(faults.differences.map(({ property }) => property)).toEqual(differing);
  expect(faults.breaksGrant).toBe(differing.some((property) => property.endsWith("/size")));
});
