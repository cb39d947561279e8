import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import fc from "fast-check";
import { expect, it } from "vitest";
import { FilePath } from "../../../domain/file-path.ts";
import { toOpenapi } from "../../../adapters/http/openapi/to-openapi.ts";

const decode = Schema.decodeUnknownResult(FilePath);
const accepts = (value: string) => Result.isSuccess(decode(value));

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
  ["", "an empty name"],
  ["/etc/passwd", "begins with a slash or a drive"],
  ["//host/share/a", "begins with a slash or a drive"],
  ["C:/a", "begins with a slash or a drive"],
  ["c:a", "begins with a slash or a drive"],
  ["C:\\a", "a backslash"],
  ["..\\a", "a backslash"],
  ["\\\\host\\share", "a backslash"],
  ["..", ". or .. or an empty name"],
  ["../a", ". or .. or an empty name"],
  ["a/../../b", ". or .. or an empty name"],
  ["a/..", ". or .. or an empty name"],
  ["./a", ". or .. or an empty name"],
  ["a//b", ". or .. or an empty name"],
  ["a/", ". or .. or an empty name"],
  ["a/".repeat(32) + "a", "more than 32 names"],
  // A thousand deep.
  ["a/".repeat(999) + "a", "longer than 1024 bytes"],
  ["é".repeat(513), "longer than 1024 bytes"],
  ["😀".repeat(257), "longer than 1024 bytes"],
  ["a/b\u0000.png", "a control character"],
  ["a\r\nb/c", "a control character"],
  ["a/\u2028b", "a control character"],
  ["a/gnp.\u202Eexe", "one that reverses"],
  ["a/\u2066b", "one that reverses"],
  ["a/\ud800", "half of one"],
])("a path may not be %j: it has %s", (value, reason) => {
  const decoded = decode(value);
  expect(Result.isFailure(decoded) && String(decoded.failure)).toContain(reason);
});

it("the document's pattern accepts the same, but for the length in bytes", () => {
  const { schemas, definitions } = toOpenapi(FilePath);
  const { pattern = "" } = {
    ...schemas[0],
    ...definitions["FilePath"],
  } as { readonly pattern?: string };
  const documented = new RegExp(pattern, "u");
  const piece = fc.constantFrom("a", ".", "..", "/", "\\", ":", "C:", "\n", "\u202e", "é", "a/");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 70 }), (pieces) => {
      const value = pieces.join("");
      expect(documented.test(value)).toBe(accepts(value));
    }),
    { numRuns: 2000 },
  );
});
