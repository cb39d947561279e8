import * as Result from "effect/Result";
import * as Schema from "effect/Schema";
import fc from "fast-check";
import { expect, it } from "vitest";
import { essence, usualExtensions, isExecutable, MediaType } from "../../../domain/media-type.ts";

const accepts = (value: string) => Result.isSuccess(Schema.decodeUnknownResult(MediaType)(value));

it.each([
  "image/png",
  "IMAGE/PNG",
  "image/svg+xml",
  "text/plain;charset=utf-8",
  "text/plain ; charset=utf-8",
  'video/mp4; codecs=" a "',
  'video/mp4; codecs="avc1.4d002a, mp4a.40.2"',
  'text/plain; charset="a\\"b"',
  `a/${"b".repeat(253)}`,
])("%s is a media type", (value) => {
  expect(accepts(value)).toBe(true);
});

it.each([
  "",
  "image",
  "image/png/x",
  "image/png ",
  "image/*",
  "image/png, text/html",
  'image/png; charset="a, text/html"',
  "image/\uff50\uff4e\uff47",
  "image/png;codecs=\u212a",
  `image/png${";".repeat(10_000)}`,
  `a/${"b; ".repeat(84)}!`,
  "constructor",
  "ımage/png",
  "text/plain; charset=",
  "text/plain; charset= utf-8",
  'text/plain; charset="utf-8',
  'text/plain; charset="a,b"',
  "text/plain; charset=utf-8; charset=utf-7",
  "text/plain; boundary=x",
  "text/plain; charset=utf-8 x",
  "text/plain; codecs=a,b",
  `a/${"b".repeat(254)}`,
])("%j is refused as a media type", (value) => {
  expect(accepts(value)).toBe(false);
});

it.each([
  "text/plain;  charset=utf-8",
  "text/plain; ;  charset=utf-8",
  'video/mp4; codecs="a,  b"',
  "text/plain\t",
])("%j, which a signature would change, is refused, and the reason says so", (value) => {
  const result = Schema.decodeUnknownResult(MediaType)(value);
  expect(String(Result.isFailure(result) && result.failure)).toContain(
    "it has a tab or two spaces in a row; use one space",
  );
});

it("a media type has nowhere a character that could end a header", () => {
  const valid = fc.constantFrom("image/png", "text/plain; charset=utf-8", 'a/b; codecs="c, d"');
  const control = fc.integer({ min: 0, max: 0x1f });
  const other = fc.constantFrom(0x7f, 0x80, 0xa0, 0x2028, 0xff0c);
  fc.assert(
    fc.property(valid, fc.nat({ max: 30 }), fc.oneof(control, other), (value, at, code) => {
      const character = String.fromCharCode(code);
      expect(accepts(value.slice(0, at) + character + value.slice(at))).toBe(false);
    }),
  );
});

it("the essence of a media type is in lower case, without parameters", () => {
  expect(essence(MediaType.make("Text/Plain ;charset=utf-8"))).toBe("text/plain");
});

/** Those that a browser would execute, and those that it would not. */
const EXECUTED = `
  text/html TEXT/HTML;charset=utf-8 application/xhtml+xml image/svg+xml application/atom+xml
  application/xml text/xml text/xsl text/rdf application/ecmascript application/javascript
  application/x-ecmascript application/x-javascript text/ecmascript text/javascript
  text/javascript1.0 text/javascript1.3 text/javascript1.5 text/jscript text/livescript
  text/x-ecmascript text/x-javascript application/pdf text/pdf application/x-shockwave-flash
  message/rfc822 application/x-mimearchive multipart/related multipart/x-mixed-replace
  application/unknown unknown/unknown`;
const SHOWN = `
  image/png text/plain text/html5 application/gzip application/json application/xml-dtd
  application/multipart`;

const typesIn = (text: string) =>
  text
    .trim()
    .split(/\s+/)
    .map((type) => MediaType.make(type));

it("a file that a browser would execute is known by its type, whatever its case and parameters", () => {
  expect(typesIn(EXECUTED).filter((type) => !isExecutable(type))).toEqual([]);
  expect(typesIn(SHOWN).filter(isExecutable)).toEqual([]);
});

it("a media type has its usual extensions, and names of built-in properties have none", () => {
  expect(usualExtensions(MediaType.make("image/jpeg"))[0]).toBe("jpg");
  expect(usualExtensions(MediaType.make("constructor/prototype"))).toEqual([]);
});
