import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import { expect, it } from "vitest";
import { ByteSize, mebibytes, sizeInWords, SizeText } from "../../../domain/byte-size.ts";

const decode = Schema.decodeUnknownResult(ByteSize);

it.each([1, 5 * 2 ** 30, Number.MAX_SAFE_INTEGER])("a size may be %d", (size) => {
  expect(Result.isSuccess(decode(size))).toBe(true);
});

it.each<[unknown, string]>([
  [0, "the file is empty"],
  [-0, "the file is empty"],
  ...[-1, 1.5, Number("1e309"), Number.NaN, 2 ** 53].map((size): [unknown, string] => [
    size,
    "it is not a whole number of bytes",
  ]),
  ...["10", null, 10n].map((size): [unknown, string] => [size, "Expected Size"]),
])("a size may not be %s: %s", (size, reason) => {
  expect(String(Result.getFailure(decode(size)))).toContain(reason);
});

it("a MiB is 1,048,576 bytes", () => {
  expect(mebibytes(10)).toBe(10_485_760);
});

it.each([
  [1, "1 byte"],
  [2 ** 20 - 1, "1048575 bytes"],
  [1.5 * 2 ** 20, "1.5 MiB (1572864 bytes)"],
  [5 * 2 ** 40, "5 TiB (5497558138880 bytes)"],
  [10 ** 7, "10 MB (10000000 bytes)"],
  [2_500 * 10 ** 6, "2.5 GB (2500000000 bytes)"],
])("a size of %d reads %s", (size, words) => {
  expect(sizeInWords(size)).toBe(words);
});

it.each([
  ["1 GiB", 2 ** 30],
  ["1 GB", 10 ** 9],
  ["1.5MB", 1_500_000],
  ["2 kB", 2_000],
  // As floats these are no whole numbers.
  ["16.1 MB", 16_100_000],
  ["2.01 kB", 2_010],
  ["1.001 GB", 1_001_000_000],
  ["64.3 TB", 64_300_000_000_000],
  ["1.50 GiB", 1.5 * 2 ** 30],
])("%s is %d bytes", (text, bytes) => {
  expect(Result.getOrThrow(Schema.decodeUnknownResult(SizeText)(text))).toBe(bytes);
});

it.each(["1 gb", "1 KB", "1 G", "1 Gb", "1 mib", "1 constructor", "1.5 B", "-1 MB", "1e3 MB"])(
  "%s is no size",
  (text) => {
    expect(Result.isFailure(Schema.decodeUnknownResult(SizeText)(text))).toBe(true);
  },
);
