import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import fc from "fast-check";
import { expect, it } from "vitest";
import { extensionIn, FileName } from "../../../domain/file-name.ts";

const accepts = (value: string) => Result.isSuccess(Schema.decodeUnknownResult(FileName)(value));

it.each(["a.png", "naïve 漢字 😀.png", "../../etc/passwd", "a".repeat(255), "é".repeat(127), " "])(
  "a file name may be %j",
  (value) => {
    expect(accepts(value)).toBe(true);
  },
);

it.each([
  "",
  "a".repeat(256),
  "é".repeat(128),
  "😀".repeat(64),
  "a\u0000.png",
  "a\r\nb",
  "a\u007f",
  "a\u0085",
  "a\u2028b",
  "gnp.\u202Eexe",
  "a\u2066b",
  "\ud800",
  "\udc00a",
])("a file name may not be %j", (value) => {
  expect(accepts(value)).toBe(false);
});

it("a file name is measured in bytes of UTF-8", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 40, maxLength: 300 }), (value) => {
      fc.pre(!/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(value));
      expect(accepts(value)).toBe(Buffer.byteLength(value) <= 255);
    }),
  );
});

it.each([
  ["photo.PNG", "png"],
  ["archive.tar.gz", "gz"],
  [".htaccess", undefined],
  ["folder/.htaccess", undefined],
  ["..png", undefined],
  ["photo", undefined],
  ["photo.", undefined],
  ["photo.p ng", undefined],
  ["photo.abcdefghijk", undefined],
  ["photo.ÿ", undefined],
])("the extension of %j is %j", (name, extension) => {
  expect(extensionIn(FileName.make(name))).toBe(extension);
});
