import { parse } from "content-disposition";
import * as Schema from "effect/Schema";
import fc from "fast-check";
import { expect, it } from "vitest";
import { contentDisposition } from "../../../domain/disposition.ts";
import { FileName } from "../../../domain/file-name.ts";
import { MediaType } from "../../../domain/media-type.ts";
import { tries } from "../../support/tries.ts";

it("a PDF is shown in place if that is asked for, and no other executable type is", () => {
  for (const [type, kind] of [
    ["Application/PDF; charset=utf-8", "inline"],
    ["image/svg+xml", "attachment"],
    ["text/html", "attachment"],
  ] as const) {
    const said = contentDisposition(MediaType.make(type), FileName.make("a"), { inlinePdf: true });
    expect(said).toBe(`${kind}; filename="a"`);
  }
});

it.each([
  ["image/png", "a b.png", 'inline; filename="a b.png"'],
  ["image/svg+xml", "a.svg", 'attachment; filename="a.svg"'],
  ["application/pdf", "a.pdf", 'attachment; filename="a.pdf"'],
  ["text/plain", "../a\\b", 'inline; filename=".._a_b"'],
  [
    "text/plain",
    'a"; filename=evil.html',
    "inline; filename=\"a_; filename=evil.html\"; filename*=UTF-8''a%22%3B%20filename%3Devil.html",
  ],
  [
    "text/plain",
    "50%'(é).txt",
    "inline; filename=\"50_'(_).txt\"; filename*=UTF-8''50%25%27%28%C3%A9%29.txt",
  ],
])("the disposition of %s called %s is %s", (type, name, disposition) => {
  expect(contentDisposition(MediaType.make(type), FileName.make(name))).toBe(disposition);
});

/** What parsers of the header read in different ways. */
const pieces = fc.constantFrom(
  ..."\"\\/'%;,=*?<>$(){}:_ a.-",
  "filename*=UTF-8''",
  "; filename=",
  "%22",
  "%0d%0a",
  "..",
  "\uff0f",
  "\ufffd",
  "\u200f",
  "\u00a0",
  "é",
  "e\u0301",
  "漢",
  "😀",
  ".png",
  "__proto__",
);

it("a download has the name that a person gave the file, as an independent parser reads it", () => {
  const names = fc.array(pieces, { minLength: 1, maxLength: 12 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(names.filter(Schema.is(FileName)), (name) => {
      const said = contentDisposition(MediaType.make("image/png"), FileName.make(name));
      const { type, parameters } = parse(said);
      expect([type, parameters["filename"]]).toEqual(["inline", name.replace(/[/\\]/g, "_")]);
    }),
    { numRuns: tries(2000) },
  );
});
