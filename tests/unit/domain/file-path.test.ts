import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import fc from "fast-check";
import { expect, it } from "vitest";
import { FilePath } from "../../../domain/file-path.ts";

const accepts = (value: string) => Result.isSuccess(Schema.decodeUnknownResult(FilePath)(value));

it.each([
  "a.png",
  "holidays/2026/a.png",
  ".git/config",
  "...",
  "a/.../b",
  "__proto__/constructor",
  // They are reserved on Windows alone, and no path of ours.
  "con/aux.txt",
  "a/b:c.txt",
  "%2e%2e/%2fetc",
  "~/a",
  " / ",
  "Ü/你/😀.png",
  "a/".repeat(31) + "a",
  "é".repeat(512),
  `${"😀".repeat(255)}/abc`,
])("a path may be %j", (value) => {
  expect(accepts(value)).toBe(true);
});

it.each([
  "",
  "/etc/passwd",
  "//host/share/a",
  "C:/a",
  "c:a",
  "C:\\a",
  "..\\a",
  "..",
  "../a",
  "a/../../b",
  "a/..",
  "./a",
  "a//b",
  "a/",
  "a/".repeat(32) + "a",
  // A thousand deep.
  "a/".repeat(999) + "a",
  "é".repeat(513),
  "😀".repeat(257),
  "a/b\u0000.png",
  "a\r\nb/c",
  "a/b\n",
  "a/\u2028b",
  "a/gnp.\u202Eexe",
  "a/\u2066b",
  "a/\ud800",
])("a path may not be %j", (value) => {
  expect(accepts(value)).toBe(false);
});

it("a path has 1 to 32 names that lead nowhere else", () => {
  const piece = fc.constantFrom("a", ".", "..", "/", "\\", ":", "C:", "\n", "\u202e", "é", "a/");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 70 }), (pieces) => {
      const value = pieces.join("");
      const names = value.split("/");
      const isGood =
        names.length <= 32 &&
        !/[\n\\\u202e]|^C:|^a:/.test(value) &&
        names.every((name) => !["", ".", ".."].includes(name));
      expect(accepts(value)).toBe(isGood);
    }),
    { numRuns: 2000 },
  );
});
