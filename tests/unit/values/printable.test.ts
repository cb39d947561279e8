import * as fc from "fast-check";
import { expect, it } from "vitest";
import { onOneLine, printable } from "../../../adapters/values/printable.ts";

/** Any text, and each kind of character that a terminal acts on. */
const texts = fc.string({
  unit: fc.oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    fc.constantFrom("\u001b", "\u009b", "\u007f", "\r", "\n", "\t", "\u2028", "\u2066", "\ud800"),
    fc.constantFrom("\u202e", "\u061c", "\ufeff", "\u{e0041}", "\u200d", "a", "\\", '"'),
  ),
});

/** V8 since Node 24 takes a name of one escaped character for a backslash. */
const names = texts.map((text) => `name ${text}`);

it("nothing that a terminal acts on is left, and the rest is as it was", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const shown = printable(text);
      expect(shown).not.toMatch(/[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e]/);
      expect(shown).not.toMatch(/[\u2028\u2029\u2066-\u2069\ufeff]|[\u{e0001}-\u{e007f}]/u);
      const plain = [...text].filter((each) => /[\p{L}\p{N}\p{P}\p{S}\n\u200d]/u.test(each));
      expect([...shown].filter((each) => plain.includes(each)).length).toBeGreaterThanOrEqual(
        plain.length,
      );
      expect(onOneLine(text)).not.toContain("\n");
    }),
  );
});

it.each([
  ["a cleared screen", "\u001b[2J\u009b2J", "\\u001b[2J\\u009b2J"],
  ["a name that reads as another", "photo\u202egnp.exe", "photo\\u202egnp.exe"],
  ["a line that is written over", "failed\rpassed", "failed\\u000dpassed"],
  ["a hidden tag", "a\u{e0041}", "a\\udb40\\udc41"],
  ["a tag that is not assigned", "a\u{e0002}", "a\\udb40\\udc02"],
  ["letters that are joined", "می\u200cخواهم 👩\u200d🚀", "می\u200cخواهم 👩\u200d🚀"],
])("%s is shown as it is written", (_, text, shown) => {
  expect(printable(text)).toBe(shown);
});

it("JSON stays the same JSON, with escapes where it had the characters themselves", () => {
  fc.assert(
    fc.property(fc.dictionary(names, texts), (value) => {
      const text = printable(JSON.stringify(value, null, 2));
      expect(JSON.parse(text)).toEqual(value);
    }),
  );
});
